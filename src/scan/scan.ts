/**
 * Scans the files of a site: images, Ignition files, files to add to them, boot loaders, and tftp.root. It only reads, never
 * throws, and returns problems as facts. Ignition files are served unchanged; a running cluster provides those of masters and
 * workers itself.
 */
import {
  type Facts,
  type DeclaredImageFacts,
  type ImageFacts,
  type AddedFileFact,
  loaderNames,
  type FileFact,
  type IpxeLoaderName,
  ignitionFileNames,
  ignitionKinds,
  type IgnitionFact,
  type IgnitionKind,
} from '../plan/facts.ts'
import { loadInstallerYaml } from '../plan/systems/review/yaml.ts'
import type { Cluster, Site } from '../site/schema.ts'
import { folderProblem, missing, scanFile, scanSmallFile, isReadableByAll } from './file.ts'
import { scanImage } from './images.ts'
import { scanPxelinux } from './pxelinux.ts'
import { defined } from '../text/defined.ts'
import { isScriptUrl, scriptOf, scriptsOf } from '../site/boot-script.ts'
import { groupNodes, isBooted } from '../site/declared.ts'
import { kubeconfigPath } from '../site/file-paths.ts'
import { loadIgnition, type Loaded } from './ignition/files.ts'
import { scanInventory } from './inventory.ts'
import { scanServedFiles } from './served-files.ts'

/** @param loaderPaths paths of boot loaders that the site does not name */
export async function scanSite(site: Site, loaderPaths: LoaderPaths = packagedLoaders): Promise<Facts> {
  const images = new Map<string, ImageFacts>(
    await Promise.all(
      Object.entries(site.images).map(async ([name, image]) => [name, await scanImage(image)] as const),
    ),
  )
  const ignition = new Map(
    await Promise.all(
      site.clusters.map(
        async (cluster) =>
          [cluster.name, await scanIgnition(cluster, bootsOnlyLive(cluster, images))] as const,
      ),
    ),
  )
  const systemIgnition = await scanSystemIgnition(site)
  const { root, loaders } = site.tftp
  const tftpRootProblem = root === undefined ? undefined : await folderProblem(root)
  const users = site.haproxy?.stats?.users
  const statsUsers =
    users === undefined ? undefined : await scanSmallFile(users, 'haproxy.stats-users-invalid')
  return {
    images: new Map([...images, ...(await scanScripts(site))]),
    ignition,
    ...(systemIgnition.size > 0 && { systemIgnition }),
    addedFiles: await scanAddedFiles(site),
    loaders: new Map([...(await scanLoaders(loaders, loaderPaths)), ...(await scanPxelinux(site))]),
    ...defined({ statsUsers, tftpRootProblem, served: await scanServedFiles(site) }),
    ...defined({ inventory: await scanInventory(site) }),
  }
}

/** The style of an image without a kernel is unknown. The rules ensure that each image is declared. */
function bootsOnlyLive(cluster: Cluster, images: ReadonlyMap<string, ImageFacts>): boolean {
  const booted = cluster.nodes.filter(
    (node) => isBooted(cluster, node) && scriptOf(cluster, node) === undefined,
  )
  return booted.every((node) => {
    const { style, kernel } = images.get((node.image ?? cluster.image) as string) as DeclaredImageFacts
    return style === 'live' && kernel.kind === 'found'
  })
}

/** Reads each file that a site adds to nodes once. */
async function scanAddedFiles(site: Site): Promise<ReadonlyMap<string, AddedFileFact>> {
  const owners = [...site.clusters, ...site.groups].flatMap((owner) => [owner, ...owner.nodes])
  const paths = owners.flatMap(({ files = [], networkKeyfiles = [] }) => [
    ...files.flatMap(({ from }) => (from === undefined ? [] : [from])),
    ...networkKeyfiles,
  ])
  const facts = [...new Set(paths)].map(
    async (path) => [path, await scanSmallFile(path, 'ignition.added-file-unreadable')] as const,
  )
  const installerFiles = answerPaths(site, false)
  if (installerFiles.length > 0) await loadInstallerYaml()
  const answers = installerFiles.map(
    async (path) => [path, await scanSmallFile(path, 'answers.unreadable')] as const,
  )
  return new Map(await Promise.all([...facts, ...answers]))
}

/** Reads the Ignition files of machines that belong to no cluster. */
async function scanSystemIgnition(site: Site): Promise<ReadonlyMap<string, IgnitionFact>> {
  const facts = answerPaths(site, true).map(async (path) => {
    const loaded = await loadIgnition(path, true)
    return [
      path,
      'problem' in loaded
        ? missing(loaded.code, path, `${path} ${loaded.problem}`)
        : await found(path, loaded),
    ] as const
  })
  return new Map(await Promise.all(facts))
}

/** Reads the scripts of other installers; those at a URL are fetched when a node boots. */
async function scanScripts(site: Site): Promise<(readonly [string, ImageFacts])[]> {
  return Promise.all(
    scriptsOf(site).map(async (source) => {
      if (isScriptUrl(source))
        return [source, { style: 'script', script: { kind: 'found', path: source, octets: 0 } }] as const
      const script = await scanSmallFile(source, 'boot.script-unreadable')
      const text = script.kind === 'found' ? new TextDecoder().decode(script.content) : undefined
      return [source, { style: 'script', script, ...defined({ text }) }] as const
    }),
  )
}

/** Returns the answer files of machines in groups: the Ignition files, or the others. */
function answerPaths(site: Site, isIgnition: boolean): string[] {
  const paths = groupNodes(site).flatMap(({ cluster, node }) => {
    const os = site.images[node.image ?? cluster.image ?? '']?.os
    const answers = node.answers ?? cluster.answers ?? []
    return (os === 'fcos' || os === 'flatcar') === isIgnition ? answers : []
  })
  return [...new Set(paths)]
}

type LoaderPaths = Readonly<Record<IpxeLoaderName, readonly string[]>>

/**
 * Paths in Debian's `ipxe` (arm64 since Debian 13), then in Fedora's `ipxe-bootimgs-x86` and `ipxe-bootimgs-aarch64`, of
 * which the newest Enterprise Linux has only undionly and snponly.
 */
export const packagedLoaders: LoaderPaths = {
  'bios/undionly.kpxe': ['/usr/lib/ipxe/undionly.kpxe', '/usr/share/ipxe/undionly.kpxe'],
  'efi/ipxe.efi': ['/usr/lib/ipxe/ipxe.efi', '/usr/share/ipxe/ipxe-x86_64.efi'],
  'efi/snponly.efi': ['/usr/lib/ipxe/snponly.efi', '/usr/share/ipxe/ipxe-snponly-x86_64.efi'],
  'arm64/ipxe.efi': ['/usr/lib/ipxe/ipxe-arm64.efi', '/usr/share/ipxe/arm64-efi/ipxe.efi'],
  'arm64/snponly.efi': ['/usr/share/ipxe/arm64-efi/snponly.efi'],
}

type Key = keyof Site['tftp']['loaders']

const keys: Readonly<Record<IpxeLoaderName, Key>> = {
  'bios/undionly.kpxe': 'bios',
  'efi/ipxe.efi': 'x64',
  'efi/snponly.efi': 'x64',
  'arm64/ipxe.efi': 'arm64',
  'arm64/snponly.efi': 'arm64',
}

const x86Package = 'install it (apt install ipxe, or dnf install ipxe-bootimgs-x86)'
const remedies: Readonly<Record<IpxeLoaderName, string>> = {
  'bios/undionly.kpxe': x86Package,
  'efi/ipxe.efi': x86Package,
  'efi/snponly.efi': x86Package,
  'arm64/ipxe.efi':
    'install it (apt install ipxe on Debian 13 or later, or dnf install ipxe-bootimgs-aarch64)',
  'arm64/snponly.efi': 'install it (dnf install ipxe-bootimgs-aarch64; not available on Debian)',
}

/** A file that the site names is used for every loader of that kind of machine. */
export async function scanLoaders(
  named: Site['tftp']['loaders'],
  paths: LoaderPaths,
): Promise<ReadonlyMap<IpxeLoaderName, FileFact>> {
  const facts = await Promise.all(
    loaderNames.map(async (name) => {
      const file = named[keys[name]]
      const fact = file === undefined ? packaged(name, paths[name]) : scanFile(file, 'tftp.loader-missing')
      return [name, await fact] as const
    }),
  )
  return new Map(facts)
}

async function packaged(name: IpxeLoaderName, paths: readonly string[]): Promise<FileFact> {
  const facts = await Promise.all(paths.map((path) => scanFile(path, 'tftp.loader-missing')))
  const found = facts.find((fact) => fact.kind === 'found')
  if (found !== undefined) return found
  const problem = `no ${name} at ${paths.join(' or ')}: ${remedies[name]}, or set tftp.loaders.${keys[name]}`
  return missing('tftp.loader-missing', paths[0] ?? name, problem)
}

/** @param isLive whether all its images are of the live style, which reads only Ignition 3 */
export async function scanIgnition(
  cluster: Cluster,
  isLive: boolean,
): Promise<Readonly<Record<IgnitionKind, IgnitionFact>>> {
  const { ignition: folder } = cluster
  const canAsk = await isRunning(cluster)
  const facts = await Promise.all(
    ignitionKinds.map(async (kind) => {
      const fact = folder === undefined ? unnamed(cluster, kind) : await ignitionFact(folder, kind, isLive)
      const isAsked = fact.kind === 'missing' && canAsk && isProvided(kind)
      return [kind, isAsked ? { kind: 'asked', path: `${kind}-user-data-managed of ${cluster.name}` } : fact]
    }),
  )
  return Object.fromEntries(facts) as Record<IgnitionKind, IgnitionFact>
}

/** Reports whether a cluster seems to run: it has no bootstrap node to install, and a kubeconfig. */
async function isRunning(cluster: Cluster): Promise<boolean> {
  const isBootstrapped = cluster.nodes.some(
    ({ role, boot }) =>
      role === 'bootstrap' && !['local', 'none'].includes(boot ?? cluster.boot ?? 'install'),
  )
  const path = kubeconfigPath(cluster)
  if (isBootstrapped || path === undefined) return false
  // A declared kubeconfig is checked where the cluster is followed.
  return cluster.kubeconfig !== undefined || (await scanFile(path, 'ignition.unreadable')).kind === 'found'
}

/** Reports whether a running cluster provides this file for new machines. */
function isProvided(kind: IgnitionKind): boolean {
  return kind === 'master' || kind === 'worker'
}

/** Allowed if all its images are of the agent style. */
function unnamed({ name }: Cluster, kind: IgnitionKind): IgnitionFact {
  const file = ignitionFileNames[kind]
  const exceptions = `agent images${isProvided(kind) ? ' and running clusters (kubeconfig)' : ''}`
  const problem = `cluster ${name} has no directory of Ignition files: set ignition, because only ${exceptions} do not need ${file}`
  return missing('ignition.folder-missing', file, problem)
}

/** The subcommand of openshift-install that creates the file, if not `ignition-configs`. */
const commands: Partial<Record<IgnitionKind, string>> = { single: 'single-node-ignition-config' }

async function ignitionFact(folder: string, kind: IgnitionKind, isLive: boolean): Promise<IgnitionFact> {
  const path = `${folder}/${ignitionFileNames[kind]}`
  const loaded = await loadIgnition(path, isLive)
  if ('problem' in loaded) {
    const command = `openshift-install create ${commands[kind] ?? 'ignition-configs'}`
    return missing(loaded.code, path, `${path} ${loaded.problem}; create it with \`${command}\``)
  }
  return found(path, loaded)
}

async function found(
  path: string,
  { octets, contents }: Exclude<Loaded, { problem: string }>,
): Promise<IgnitionFact> {
  const isPublic = (await isReadableByAll(path)) || undefined
  return { kind: 'found', path, octets: octets.length, contents, ...defined({ isPublic }) }
}
