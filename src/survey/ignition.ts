/** The Ignition files of a cluster: whether each is there and looks like one. They are served as they are. */
import type { FileHandle } from 'node:fs/promises'
import { ignitionFileNames, ignitionKinds, type FileFact, type IgnitionKind } from '../plan/facts.ts'
import { missing, withFile } from './file.ts'

/** A bootstrap.ign has some hundred thousand octets; what is larger than this is something else. */
const mostOctets = 16 * 1024 * 1024

/** @param isLive whether all its images are of the live style, which reads Ignition 3 only */
export async function surveyIgnition(
  folder: string,
  isLive: boolean,
): Promise<Readonly<Record<IgnitionKind, FileFact>>> {
  const facts = await Promise.all(
    ignitionKinds.map(async (kind) => {
      const fact = await ignitionFact(`${folder}/${ignitionFileNames[kind]}`, isLive)
      const remedy = `\`openshift-install create ${commands[kind] ?? 'ignition-configs'}\` writes it`
      return [
        kind,
        fact.kind === 'missing' ? { ...fact, problem: `${fact.problem}; ${remedy}` } : fact,
      ] as const
    }),
  )
  return Object.fromEntries(facts) as Record<IgnitionKind, FileFact>
}

const commands: Partial<Record<IgnitionKind, string>> = { single: 'single-node-ignition-config' }

function ignitionFact(path: string, isLive: boolean): Promise<FileFact> {
  return withFile(path, async (file, octets) => {
    const judged =
      octets > mostOctets
        ? { problem: `is too large, with ${octets} octets` }
        : judgeIgnition(await readText(file, octets), isLive)
    return 'problem' in judged
      ? missing(path, `${path} ${judged.problem}`)
      : { kind: 'found', path, octets, ...judged }
  })
}

async function readText(file: FileHandle, octets: number): Promise<string> {
  const { buffer, bytesRead } = await file.read({ buffer: new Uint8Array(octets) })
  return new TextDecoder().decode(buffer.subarray(0, bytesRead))
}

/** The version of an Ignition file, or what keeps a text from being one, as the rest of a sentence. Only its frame is judged. */
export function judgeIgnition(
  text: string,
  isLive: boolean,
): { readonly version: string } | { readonly problem: string } {
  let config: { readonly ignition?: { readonly version?: unknown } } | null
  try {
    config = JSON.parse(text) as typeof config
  } catch {
    return { problem: 'is not JSON' }
  }
  const version = config?.ignition?.version
  if (typeof version !== 'string' || version === '') {
    return { problem: 'is no Ignition file, it lacks ignition.version' }
  }
  if (isLive && /^[12]\./.test(version)) {
    return { problem: `is Ignition ${version}, the image (4.6 or later) reads 3.x` }
  }
  return { version }
}
