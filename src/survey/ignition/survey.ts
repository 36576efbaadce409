/** The Ignition files of a cluster: whether each is there and can be installed with. They are served as they are. */
import { ignitionFileNames, ignitionKinds, type IgnitionFact, type IgnitionKind } from '../../plan/facts.ts'
import type { Cluster } from '../../site/schema.ts'
import { missing } from '../file.ts'
import { loadIgnition } from './load.ts'

/** @param isLive whether all its images are of the live style, which reads Ignition 3 only */
export async function surveyIgnition(
  folder: string,
  isLive: boolean,
): Promise<Readonly<Record<IgnitionKind, IgnitionFact>>> {
  const facts = await Promise.all(
    ignitionKinds.map(async (kind) => [kind, await ignitionFact(folder, kind, isLive)] as const),
  )
  return Object.fromEntries(facts) as Record<IgnitionKind, IgnitionFact>
}

/** Of a cluster that names no folder: fine as long as its images are of the agent style. */
export function unnamedIgnition({
  name,
}: Pick<Cluster, 'name'>): Readonly<Record<IgnitionKind, IgnitionFact>> {
  const facts = ignitionKinds.map((kind) => {
    const problem = `cluster ${name} names no folder of Ignition files: only agent images do without ${ignitionFileNames[kind]}`
    return [kind, missing(ignitionFileNames[kind], problem)] as const
  })
  return Object.fromEntries(facts) as Record<IgnitionKind, IgnitionFact>
}

/** What the installer is told to write them. */
const commands: Partial<Record<IgnitionKind, string>> = { single: 'single-node-ignition-config' }

async function ignitionFact(folder: string, kind: IgnitionKind, isLive: boolean): Promise<IgnitionFact> {
  const path = `${folder}/${ignitionFileNames[kind]}`
  const loaded = await loadIgnition(path, isLive)
  if ('problem' in loaded) {
    const command = `openshift-install create ${commands[kind] ?? 'ignition-configs'}`
    return missing(path, `${path} ${loaded.problem}; \`${command}\` writes it`)
  }
  const { octets, contents } = loaded
  return { kind: 'found', path, octets: octets.length, contents }
}
