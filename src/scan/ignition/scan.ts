/**
 * The Ignition files of a cluster: whether each is there and can be installed with. They are served as they are. A
 * cluster that runs has those of masters and workers itself, so it can do without ours.
 */
import { ignitionFileNames, ignitionKinds, type IgnitionFact, type IgnitionKind } from '../../plan/facts.ts'
import { kubeconfigPath } from '../../site/file-paths.ts'
import type { Cluster } from '../../site/schema.ts'
import { missing, scanFile } from '../file.ts'
import { loadIgnition } from './load.ts'

/** @param isLive whether all its images are of the live style, which reads Ignition 3 only */
export async function scanIgnition(
  cluster: Cluster,
  isLive: boolean,
): Promise<Readonly<Record<IgnitionKind, IgnitionFact>>> {
  const { ignition: folder } = cluster
  const mayAsk = await isRunning(cluster)
  const facts = await Promise.all(
    ignitionKinds.map(async (kind) => {
      const fact = folder === undefined ? unnamed(cluster, kind) : await ignitionFact(folder, kind, isLive)
      const isAsked = fact.kind === 'missing' && mayAsk && isKept(kind)
      return [kind, isAsked ? { kind: 'asked', path: `${kind}-user-data-managed of ${cluster.name}` } : fact]
    }),
  )
  return Object.fromEntries(facts) as Record<IgnitionKind, IgnitionFact>
}

/** As far as the site can tell: it has no bootstrap to install, and there is a way to ask it. */
async function isRunning(cluster: Cluster): Promise<boolean> {
  const isBootstrapped = cluster.nodes.some(
    ({ role, boot }) => role === 'bootstrap' && (boot ?? cluster.boot) !== 'local',
  )
  const path = kubeconfigPath(cluster)
  if (isBootstrapped || path === undefined) return false
  // Where the site names it, whoever follows the cluster says what is wrong with it.
  return cluster.kubeconfig !== undefined || (await scanFile(path)).kind === 'found'
}

/** Whether clusters that run have it for their new machines. */
function isKept(kind: IgnitionKind): boolean {
  return kind === 'master' || kind === 'worker'
}

/** Fine as long as its images are of the agent style. */
function unnamed({ name }: Cluster, kind: IgnitionKind): IgnitionFact {
  const file = ignitionFileNames[kind]
  const who = `only agent images${isKept(kind) ? ', and clusters that run (kubeconfig),' : ''} do without ${file}`
  return missing(file, `cluster ${name} names no folder of Ignition files: ${who}`)
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
