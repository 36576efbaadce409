/** Paths: those of the site file made absolute, the kubeconfig of a cluster, and the paths of files on nodes. Pure. */
import { defined } from '../text/defined.ts'
import { isScriptUrl } from './boot-script.ts'
import type { Cluster, Group, GroupNode, Hook, Site } from './schema.ts'
import type { TlsSection } from './tls-section.ts'

/** Resolves `path` against `folder` and removes `.`, `..`, and repeated slashes; an absolute `path` ignores `folder`. */
export function resolvePath(folder: string, path: string): string {
  const whole = path.startsWith('/') ? path : `${folder}/${path}`
  const steps: string[] = []
  for (const step of whole.split('/')) {
    if (step === '..') steps.pop()
    else if (step !== '' && step !== '.') steps.push(step)
  }
  return `/${steps.join('/')}`
}

/** Returns the directory of a file: `/etc/slipway` for `/etc/slipway/site.yaml`. */
export function folderOf(file: string): string {
  return file.slice(0, Math.max(0, file.lastIndexOf('/')))
}

/** @param folder absolute path of the directory of the site file */
export function withAbsolutePaths(site: Site, folder: string): Site {
  const absolute = (path: string) => resolvePath(folder, path)
  const absoluteIfSet = (path: string | undefined) => (path === undefined ? undefined : absolute(path))
  const { server, tftp, haproxy, store, api, inventory } = site
  const { bios, x64, arm64 } = tftp.loaders
  return {
    ...site,
    server: { ...server, ...defined({ tls: server.tls && withAbsoluteCertificate(server.tls, absolute) }) },
    images: Object.fromEntries(
      Object.entries(site.images).map(([name, image]) => [name, { ...image, dir: absolute(image.dir) }]),
    ),
    clusters: site.clusters.map((cluster) => ({
      ...withAbsoluteFiles(cluster, absolute),
      ...defined({
        ignition: absoluteIfSet(cluster.ignition),
        kubeconfig: absoluteIfSet(cluster.kubeconfig),
        assisted: cluster.assisted && withAbsoluteToken(cluster.assisted, absoluteIfSet),
      }),
      nodes: cluster.nodes.map((node) => withAbsoluteFiles(node, absolute)),
    })),
    groups: site.groups.map((group) => ({
      ...withAbsoluteAnswers(group, absolute),
      nodes: group.nodes.map((node) => withAbsoluteAnswers(node, absolute)),
    })),
    tftp: {
      ...tftp,
      ...defined({ root: absoluteIfSet(tftp.root) }),
      loaders: defined({ bios: absoluteIfSet(bios), x64: absoluteIfSet(x64), arm64: absoluteIfSet(arm64) }),
    },
    http: { ...site.http, files: site.http.files.map((file) => withAbsoluteSource(file, absolute)) },
    ...defined({ bmc: withAbsoluteCa(site.bmc, absolute) }),
    ...(haproxy !== undefined && { haproxy: withAbsoluteHaproxy(haproxy, absolute) }),
    ...(store !== undefined && { store: withAbsoluteStore(store, absoluteIfSet) }),
    hooks: Object.fromEntries(
      Object.entries(site.hooks).map(([name, hook]) => [name, withAbsoluteSecret(hook, absolute)]),
    ),
    ...(api !== undefined && { api: withAbsoluteApi(api, absoluteIfSet) }),
    ...(inventory !== undefined && {
      inventory: { ...inventory, kernel: absolute(inventory.kernel), initrd: absolute(inventory.initrd) },
    }),
  }
}

function withAbsoluteCertificate(tls: TlsSection, absolute: (path: string) => string): TlsSection {
  const { ca, certificate, key } = tls
  return {
    ...(ca !== undefined && { ca: ca === 'generated' ? ca : absolute(ca) }),
    ...(certificate !== undefined && { certificate: absolute(certificate) }),
    ...(key !== undefined && { key: absolute(key) }),
  }
}

function withAbsoluteToken(
  assisted: NonNullable<Cluster['assisted']>,
  absolute: (path: string | undefined) => string | undefined,
): NonNullable<Cluster['assisted']> {
  const { tokenFile, ca } = assisted
  return { ...assisted, ...defined({ tokenFile: absolute(tokenFile), ca: absolute(ca) }) }
}

function withAbsoluteApi(
  api: NonNullable<Site['api']>,
  absolute: (path: string | undefined) => string | undefined,
): NonNullable<Site['api']> {
  const { certificate, key, clientCA, proxy } = api
  return {
    ...api,
    ...defined({ certificate: absolute(certificate), key: absolute(key), clientCA: absolute(clientCA) }),
    ...(proxy && { proxy: { ...proxy, ...defined({ socket: absolute(proxy.socket) }) } }),
  }
}

function withAbsoluteSecret(hook: Hook, absolute: (path: string) => string): Hook {
  const { webhook } = hook
  if (webhook === undefined) return hook
  const { secretFile, ca } = webhook
  const paths = { secretFile: absolute(secretFile), ...(ca !== undefined && { ca: absolute(ca) }) }
  return { ...hook, webhook: { ...webhook, ...paths } }
}

function withAbsoluteStore(
  { etcd }: NonNullable<Site['store']>,
  absolute: (path: string | undefined) => string | undefined,
): NonNullable<Site['store']> {
  const { ca, cert, key } = etcd
  return { etcd: { ...etcd, ...defined({ ca: absolute(ca), cert: absolute(cert), key: absolute(key) }) } }
}

function withAbsoluteHaproxy(
  haproxy: NonNullable<Site['haproxy']>,
  absolute: (path: string) => string,
): NonNullable<Site['haproxy']> {
  const { file, with: others, masterSocket, socket, stats } = haproxy
  return {
    ...haproxy,
    file: absolute(file),
    with: others.map(absolute),
    socket: absolute(socket),
    ...(masterSocket !== undefined && { masterSocket: absolute(masterSocket) }),
    ...(stats?.users !== undefined && { stats: { ...stats, users: absolute(stats.users) } }),
  }
}

function withAbsoluteAnswers<T extends Group | GroupNode>(owner: T, absolute: (path: string) => string): T {
  return {
    ...withAbsoluteFiles(owner, absolute),
    ...(owner.answers && { answers: owner.answers.map(absolute) }),
  }
}

type FileOwner = Pick<Cluster, 'files' | 'networkKeyfiles' | 'script' | 'http' | 'bmc'>

/** The credentials are absolute already: text without a slash is the name of a systemd credential. */
function withAbsoluteCa<T extends { readonly ca?: string | undefined }>(
  bmc: T | undefined,
  absolute: (path: string) => string,
): T | undefined {
  return bmc?.ca === undefined ? bmc : { ...bmc, ca: absolute(bmc.ca) }
}

/** Makes the paths of files that a cluster, a group, or a node adds absolute. */
function withAbsoluteFiles<T extends FileOwner>(owner: T, absolute: (path: string) => string): T {
  const { files, networkKeyfiles, script, http, bmc } = owner
  return {
    ...owner,
    ...defined({ bmc: withAbsoluteCa(bmc, absolute) }),
    ...(script !== undefined && { script: isScriptUrl(script) ? script : absolute(script) }),
    ...(files && {
      files: files.map((file) => (file.from === undefined ? file : { ...file, from: absolute(file.from) })),
    }),
    ...(networkKeyfiles && { networkKeyfiles: networkKeyfiles.map(absolute) }),
    ...(http && { http: { ...http, files: http.files.map((file) => withAbsoluteSource(file, absolute)) } }),
  }
}

/** Returns the path of a cluster's kubeconfig: the declared one, or the one that openshift-install writes beside the Ignition files. */
export function kubeconfigPath({
  kubeconfig,
  ignition,
}: Pick<Cluster, 'kubeconfig' | 'ignition'>): string | undefined {
  return kubeconfig ?? (ignition === undefined ? undefined : `${ignition}/auth/kubeconfig`)
}

/** On the node. */
export const hostnamePath = '/etc/hostname'

/** Returns where a keyfile is on the node. NetworkManager reads only files that root owns with mode 0600. */
export function keyfilePath(file: string): string {
  const name = file.slice(file.lastIndexOf('/') + 1).replace(/\.nmconnection$/, '')
  return `/etc/NetworkManager/system-connections/${name}.nmconnection`
}

type DeclaredFile = { readonly [Key in 'dir' | 'file' | 'template']?: string | undefined }

/** Makes the path on this machine absolute. */
function withAbsoluteSource<File extends DeclaredFile>(
  declared: File,
  absolute: (path: string) => string,
): File {
  const { dir, file, template } = declared
  return {
    ...declared,
    ...(dir !== undefined && { dir: absolute(dir) }),
    ...(file !== undefined && { file: absolute(file) }),
    ...(template !== undefined && { template: absolute(template) }),
  }
}
