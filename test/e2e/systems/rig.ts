/** The environment of the installation of Debian: the network, the files of the installer, and slipway. */
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { buildPayload } from '../payload.ts'
import { output, run, start, type Ended, type Running } from '../process.ts'
import { cached } from '../real/cache.ts'
import { controlSocket, slipway, startServer, type Server } from '../server.ts'
import { boot, type Boot } from '../vm.ts'
import {
  addresses,
  createSystemsNetwork,
  routerInterface,
  tap,
  web1,
  type SystemsNamespace,
  type SystemsNetwork,
} from './network.ts'

/** From the package debian-installer-12-netboot-amd64. */
const installerDir = '/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64'

export type SystemsRig = {
  readonly network: SystemsNetwork
  /** The directory of the site file. */
  readonly siteDir: string
  /** The disk of the machine. */
  readonly disk: string
  server: Server
  /** Ends slipway, calls `between`, and starts it again. */
  restart(between: () => Promise<void>): Promise<void>
  /** Powers on the machine; resolves when it is off. @param signal cuts its power */
  boot(name: string, limitMs: number, signal?: AbortSignal): Promise<Boot>
  /** Runs a slipway command against the running slipway. @throws {Error} if it fails */
  slipway(...args: string[]): Promise<string>
  run(namespace: SystemsNamespace, command: readonly string[]): Promise<Ended>
  close(): Promise<void>
}

export async function createSystemsRig(workDir: string): Promise<SystemsRig> {
  const dir = join(workDir, 'systems')
  await rm(dir, { recursive: true, force: true })
  const [siteDir, filesDir] = [join(dir, 'site'), join(dir, 'files')]
  for (const each of [join(siteDir, 'images'), filesDir]) await mkdir(each, { recursive: true })
  for (const name of ['linux', 'initrd.gz']) {
    await copyFile(join(installerDir, name), join(siteDir, 'images', name))
  }
  await copyFile(join(import.meta.dirname, 'preseed.cfg'), join(siteDir, 'preseed.cfg'))
  const sitePath = join(siteDir, 'site.yaml')
  await writeFile(sitePath, siteText)
  const { rootfs } = await buildPayload(workDir)
  await writeFile(join(filesDir, 'disk.img.gz'), gzipSync(await readFile(rootfs), { level: 1 }))
  await copyFile(await diskDrivers(), join(filesDir, 'disk-drivers.udeb'))

  const network = await createSystemsNetwork()
  const running: Running[] = []
  const startIn = (namespace: SystemsNamespace, name: string, command: readonly string[]): void => {
    running.push(start(network.inside(namespace, ...command), { logFile: join(dir, `${name}.log`) }))
  }
  const close = async (): Promise<void> => {
    await Promise.all(running.map((child) => child.stop()))
    await network.close()
  }
  try {
    const files = join(import.meta.dirname, 'files.ts')
    startIn('files', 'files', [process.execPath, files, addresses.files, filesDir])
    await announceRouter(dir, startIn)
    let starts = 0
    const serve = async (): Promise<Server> => {
      const log = join(dir, `slipway-${++starts}.log`)
      const started = await startServer(network, sitePath, log, {
        namespace: 'appliance',
        startMs: 180_000,
      })
      running.push(started.process)
      return started
    }
    const control = controlSocket(sitePath)
    const storageDir = join(dir, 'machine')
    const rig: SystemsRig = {
      network,
      siteDir,
      disk: join(storageDir, 'disk.img'),
      server: await serve(),
      close,
      async restart(between) {
        rig.server.process.signal('SIGTERM')
        await rig.server.process.ended
        await between()
        rig.server = await serve()
      },
      boot: (name, limitMs, signal) =>
        boot(network, {
          firmware: 'bios',
          mac: web1.mac,
          tap,
          dir: join(dir, name),
          storageDir,
          // With less, the installer of Debian asks before it continues.
          memory: 1536,
          continuesAfterReset: true,
          limitMs,
          ...(signal && { signal }),
        }),
      slipway: (...args) =>
        output(network.inside('appliance', ...slipway(...args), '--control', control), { limitMs: 60_000 }),
      run: (namespace, command) => run(network.inside(namespace, ...command), { limitMs: 60_000 }),
    }
    return rig
  } catch (error) {
    await close()
    throw error
  }
}

/** Returns the package of the installer with the drivers of virtual disks, for the kernel of the installer. */
async function diskDrivers(): Promise<string> {
  const header = (await readFile(join(installerDir, 'linux'))).toString('latin1', 0, 64 * 1024)
  const [kernel] = /\d+\.\d+\.\d+-\d+-amd64/.exec(header) ?? []
  if (kernel === undefined) throw new Error('the kernel of the installer has no version')
  const dir = await cached({
    name: 'disk-drivers',
    inputs: [kernel],
    async build(work) {
      // apt does not know the packages of the installer.
      const mirror = 'http://deb.debian.org/debian'
      const index = `${mirror}/dists/bookworm/main/debian-installer/binary-amd64/Packages.gz`
      const name = `scsi-modules-${kernel}-di`
      const find = `curl -sfL ${index} | zcat | sed -n 's|^Filename: \\(.*/${name}_.*\\)|\\1|p'`
      const path = (await output(['sh', '-c', find])).trim()
      await output(['curl', '-sfL', '-o', join(work, 'disk-drivers.udeb'), `${mirror}/${path}`])
    },
  })
  return join(dir, 'disk-drivers.udeb')
}

/** iPXE of Debian waits 15 s for an IPv6 router. A router advertisement with lifetime 0 ends the wait. */
async function announceRouter(
  dir: string,
  startIn: (namespace: SystemsNamespace, name: string, command: readonly string[]) => void,
): Promise<void> {
  const file = join(dir, 'radvd.conf')
  const settings = 'AdvSendAdvert on; AdvDefaultLifetime 0; MinRtrAdvInterval 3; MaxRtrAdvInterval 4;'
  await writeFile(file, `interface ${routerInterface} { ${settings} };\n`)
  startIn('router', 'radvd', ['radvd', '-n', '-m', 'stderr', '-C', file, '-p', join(dir, 'radvd.pid')])
}

const siteText = `\
site: systems
server: { interface: srv0, address: ${addresses.appliance} }
subnets:
  - { cidr: 172.16.0.0/24, gateway: ${addresses.appliance} }
images:
  debian-12: { dir: images, os: debian }
groups:
  - name: web
    domain: example.net
    image: debian-12
    answers: preseed.cfg
    disk: /dev/vda
    console: [ttyS0]
    kernelArguments: [DEBIAN_FRONTEND=text, mitigations=off]
    nodes:
      - { name: ${web1.name}, mac: "${web1.mac}", address: ${web1.address} }
`
