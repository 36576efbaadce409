/**
 * The script that installs a node: it boots kernel and initramfs over HTTP, and the installer in them fetches the rest (live
 * style since OpenShift 4.6, installer style as in 4.5). While a file is missing, it shows why and retries. Kernel arguments
 * have the order of the OpenShift documentation. Commands: https://ipxe.org/cmd
 */
import type { IgnitionKind, MissingFile } from '../facts.ts'
import type { NodeModel } from '../model.ts'
import { missingSentences, type Installation } from './installation.ts'
import { print, script, waitAndRetry, networkIdentity, argument } from './script.ts'

const maxAttempts = 3
/** Doubles with every attempt: 2 s, 4 s. */
const firstPauseSeconds = 2
/** After the last attempt: long enough to read the screen, short enough to recover from a power failure unattended. */
const restSeconds = 30
const missingFileSeconds = 10

/** @param url of the node's boot script, which is fetched again after a failure */
export function renderInstall(
  node: NodeModel,
  role: IgnitionKind,
  installation: Installation,
  url: string,
): string {
  return installation.kind === 'possible'
    ? renderBoot(node, role, installation, url)
    : renderMissing(node, role, installation.missing, url)
}

function renderBoot(
  node: NodeModel,
  role: IgnitionKind,
  installation: Extract<Installation, { kind: 'possible' }>,
  url: string,
): string {
  const { kernel, initramfs, style } = installation
  const command = ['kernel', kernel.url, ...kernelArguments(node, installation)].join(' ')
  return script(`${node.key} installs as ${role}, ${style} style`, [
    'echo',
    ...print(
      node,
      style === 'agent' ? 'installs as the agent decides' : `installs as ${role} on ${installation.disk}`,
    ),
    ...print(node, networkIdentity(node)),
    'set try:int32 0',
    `set pause:int32 ${firstPauseSeconds}`,
    '',
    ':fetch',
    'inc try',
    'imgfree',
    ...print(node, `kernel ${kernel.name}`),
    `${command} || goto failed`,
    ...print(node, `initramfs ${initramfs.name}`),
    `initrd --name main ${initramfs.url} || goto failed`,
    ...print(node, 'starts the installer'),
    'boot || goto failed',
    '',
    ':failed',
    `iseq \${try} ${maxAttempts} && goto rest ||`,
    `echo slipway ${node.key}: failed, retrying in \${pause} s (attempt \${try} of ${maxAttempts})`,
    'sleep ${pause}',
    'inc pause ${pause}',
    'goto fetch',
    '',
    ':rest',
    ...print(node, `failed ${maxAttempts} times, see the last error above`),
    ...waitAndRetry(argument(url), restSeconds),
  ])
}

function renderMissing(
  node: NodeModel,
  role: IgnitionKind,
  missing: readonly MissingFile[],
  url: string,
): string {
  return script(`${node.key} cannot install as ${role}: a file is missing`, [
    'echo',
    ...print(node, `cannot install as ${role} yet`),
    ...print(node, networkIdentity(node)),
    ...missingSentences(missing).flatMap((sentence) => print(node, sentence)),
    ...print(node, 'continues automatically after the problem is fixed and slipway is reloaded'),
    ...waitAndRetry(argument(url), missingFileSeconds),
  ])
}

type Bootable = Extract<Installation, { kind: 'possible' }>

/** Returns the arguments after the URL of the kernel, each escaped for an iPXE script. */
export function kernelArguments(node: Pick<NodeModel, 'kernelArguments'>, installation: Bootable): string[] {
  const { network, others } = sortArguments(node.kernelArguments)
  switch (installation.style) {
    case 'live':
      return [
        // Required by UEFI; BIOS ignores it.
        'initrd=main',
        `coreos.live.rootfs_url=${installation.rootfs.url}`,
        ...(installation.ignition === 'single'
          ? configuresItself(installation.ignitionUrl)
          : installsFrom(installation)),
        ...(installation.liveIgnitionUrl === undefined ? [] : configuresItself(installation.liveIgnitionUrl)),
        ...(network ?? ['ip=dhcp']),
        ...others,
      ].map(argument)
    case 'installer':
      return [
        ...(network ?? ['ip=dhcp', 'rd.neednet=1']),
        'initrd=main',
        ...others,
        'coreos.inst=yes',
        `coreos.inst.install_dev=${bareDisk(installation.disk)}`,
        `coreos.inst.image_url=${installation.metal.url}`,
        `coreos.inst.ignition_url=${installation.ignitionUrl}`,
      ].map(argument)
    case 'agent':
      // Disk and network are set in agent-config.yaml or nodes-config.yaml.
      return [
        'initrd=main',
        `coreos.live.rootfs_url=${installation.rootfs.url}`,
        ...installation.kernelArguments,
        ...(network ?? []),
        ...others,
      ].map(argument)
  }
}

/** coreos-installer writes the disk and passes the file to the installed system. */
function installsFrom({ ignitionUrl, disk }: { ignitionUrl: string; disk: string }): string[] {
  return [`coreos.inst.install_dev=${disk}`, `coreos.inst.ignition_url=${ignitionUrl}`]
}

/** Configures the live system: to report the end of the installation, or to bootstrap a single-node cluster in memory. */
function configuresItself(ignitionUrl: string): string[] {
  return ['ignition.firstboot', 'ignition.platform.id=metal', `ignition.config.url=${ignitionUrl}`]
}

/** `ip=`, `nameserver=`, then `bond=` is the documented order; devices on top of these follow. */
const networkOrder = ['ip=', 'nameserver=', 'bond=', 'team=', 'bridge=', 'vlan=']

/**
 * Separates the network arguments. With a declared `ip=` a node is not configured by DHCP, and the documentation requires
 * `rd.neednet=1`. `network` is undefined without a declared `ip=`.
 */
function sortArguments(given: readonly string[]): { network: string[] | undefined; others: string[] } {
  const rank = (text: string) => networkOrder.indexOf(text.slice(0, text.indexOf('=') + 1))
  const isNetwork = (text: string) => rank(text) !== -1
  if (!given.some((text) => rank(text) === 0)) return { network: undefined, others: [...given] }
  const network = given.filter(isNetwork).sort((a, b) => rank(a) - rank(b))
  const others = given.filter((text) => !isNetwork(text))
  const neednet = others.includes('rd.neednet=1') ? [] : ['rd.neednet=1']
  return { network: [...network, ...neednet], others }
}

/** The 4.5 installer needs `sda` for `/dev/sda`, but the whole path for `/dev/disk/by-id/…`. */
function bareDisk(disk: string): string {
  const name = disk.slice('/dev/'.length)
  return name.includes('/') ? disk : name
}
