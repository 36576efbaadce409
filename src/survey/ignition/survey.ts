/** The Ignition files of a cluster: whether each is there and can be installed with. They are served as they are. */
import { ignitionKinds, type IgnitionFact, type IgnitionKind } from '../../plan/facts.ts'
import { missing } from '../file.ts'
import { loadIgnition } from './load.ts'

/** @param isLive whether all its images are of the live style, which reads Ignition 3 only */
export async function surveyIgnition(
  folder: string,
  isLive: boolean,
): Promise<Readonly<Record<IgnitionKind, IgnitionFact>>> {
  const facts = await Promise.all(
    ignitionKinds.map(async (kind) => [kind, await ignitionFact(`${folder}/${kind}.ign`, isLive)] as const),
  )
  return Object.fromEntries(facts) as Record<IgnitionKind, IgnitionFact>
}

async function ignitionFact(path: string, isLive: boolean): Promise<IgnitionFact> {
  const loaded = await loadIgnition(path, isLive)
  if ('problem' in loaded) {
    return missing(path, `${path} ${loaded.problem}; \`openshift-install create ignition-configs\` writes it`)
  }
  const { octets, contents } = loaded
  return { kind: 'found', path, octets: octets.length, contents }
}
