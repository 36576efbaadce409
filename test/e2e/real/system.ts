/**
 * The Debian system that the live system and the installed system are made from, by debootstrap. It has Ignition,
 * NetworkManager, systemd, and containerd, as RHCOS has.
 */
import { copyFile, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { output } from '../process.ts'
import { cached } from './cache.ts'

const suite = 'bookworm'
const minutes = 60_000

const basePackages = [
  ...['systemd', 'systemd-sysv', 'dbus', 'udev', 'kmod', 'iproute2', 'iptables', 'procps', 'libpam-systemd'],
  ...['network-manager', 'ca-certificates', 'curl', 'jq', 'ignition', 'gdisk', 'fdisk', 'e2fsprogs', 'lvm2'],
  ...['linux-image-cloud-amd64', 'initramfs-tools'],
]

/** What a node of a cluster needs. */
const nodePackages: readonly string[] = ['containerd', 'runc', 'containernetworking-plugins']

export type System = {
  readonly root: string
  /** Version of its kernel. */
  readonly kernel: string
}

/** @param morePackages besides those that all systems have */
export async function buildSystem(morePackages = nodePackages): Promise<System> {
  const packages = [...basePackages, ...morePackages]
  const dir = await cached({
    name: `debian-${suite}`,
    inputs: packages,
    async build(work) {
      const options = ['--variant=minbase', `--include=${packages.join(',')}`]
      await output(['debootstrap', ...options, suite, join(work, 'root')], { limitMs: 30 * minutes })
    },
  })
  const root = join(dir, 'root')
  const [kernel] = await readdir(join(root, 'usr/lib/modules'))
  if (kernel === undefined) throw new Error(`no kernel in ${root}`)
  return { root, kernel }
}

/** Copies the system without what no machine here needs, and configures it as one that was never started. */
export async function copySystem({ root, kernel }: System, to: string): Promise<void> {
  const at = (path: string): string => join(to, path)
  await output(['cp', '-a', root, to], { limitMs: 5 * minutes })
  const drivers = `usr/lib/modules/${kernel}/kernel/drivers`
  const unneeded = [
    ...['var/cache/apt', 'var/lib/apt/lists', 'usr/share/doc', 'usr/share/man', 'usr/share/locale'],
    ...['usr/share/i18n', 'usr/share/zoneinfo', 'usr/lib/x86_64-linux-gnu/gconv', 'usr/lib/dracut'],
    ...['usr/lib/udev/hwdb.d', 'usr/lib/udev/hwdb.bin', 'usr/lib/cni', 'usr/bin/ctr'],
    ...['usr/bin/containerd-shim', 'usr/bin/containerd-shim-runc-v1', 'usr/bin/containerd-stress'],
    ...[
      'usr/bin/ignition-validate',
      `usr/lib/modules/${kernel}/kernel/arch/x86/kvm`,
      `${drivers}/infiniband`,
      `${drivers}/gpu`,
      `${drivers}/net/ethernet`,
    ],
    ...['etc/systemd/system/timers.target.wants', 'etc/hostname', 'etc/resolv.conf'],
  ]
  for (const path of unneeded) await rm(at(path), { recursive: true, force: true })
  await output(['sh', '-c', 'rm -rf "$0"/boot/* "$0"/initrd.img* "$0"/vmlinuz*', to])
  await output(['chroot', to, 'depmod', kernel], { limitMs: 2 * minutes })

  // The files stage of Ignition reads both, even without SELinux.
  await mkdir(at('etc/selinux/targeted/contexts/files'), { recursive: true })
  await writeFile(at('etc/selinux/targeted/contexts/files/file_contexts'), '')
  await writeFile(at('etc/selinux/config'), 'SELINUX=disabled\nSELINUXTYPE=targeted\n')
  // At the first boot, systemd applies the presets in order: those of Ignition, this one, those of Debian.
  await writeFile(at('etc/machine-id'), 'uninitialized\n')
  await writeFile(at('usr/lib/systemd/system-preset/50-default.preset'), 'disable *\n')
  await rm(at('usr/lib/systemd/system-preset/99-default.preset'), { force: true })
  await symlink('/run/NetworkManager/resolv.conf', at('etc/resolv.conf'))
  await output(['chroot', to, 'passwd', '-d', 'root'])
  // Users, the linker cache, and the journal catalog are complete, so systemd need not update them.
  for (const path of ['etc/.updated', 'var/.updated']) await writeFile(at(path), '')
}

/** Copies the network plugin that containerd needs. */
export async function addLoopbackPlugin({ root }: System, to: string): Promise<void> {
  await mkdir(join(to, 'usr/lib/cni'), { recursive: true })
  await copyFile(join(root, 'usr/lib/cni/loopback'), join(to, 'usr/lib/cni/loopback'))
}
