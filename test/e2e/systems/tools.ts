/** The programs that validate the files of installers, at fixed versions, in the cache of builds. */
import { cp, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { output } from '../process.ts'
import { cached } from '../real/cache.ts'

const minuteMs = 60_000

/** cloud-init of Debian runs with these; its package is only unpacked, because an installed one configures the host at its next start. */
const pythonPackages = [
  'pykickstart==3.78',
  'PyYAML==6.0.3',
  'jsonschema==4.25.1',
  'Jinja2==3.1.6',
  'configobj==5.0.9',
  'oauthlib==3.3.1',
  'jsonpatch==1.33',
  'requests==2.32.5',
]

type PythonTools = {
  /** The command of pykickstart. */
  readonly ksvalidator: readonly string[]
  readonly ksvalidatorVersions: readonly string[]
  readonly cloudInit: readonly string[]
  /** Followed by a directory and kernel arguments. */
  readonly readSeed: readonly string[]
}

export async function pythonTools(): Promise<PythonTools> {
  const dir = await cached({
    name: 'answer-file-tools',
    inputs: pythonPackages,
    async build(work) {
      await output(['python3', '-m', 'venv', join(work, 'venv')], { limitMs: 2 * minuteMs })
      const pip = [join(work, 'venv/bin/python'), '-m', 'pip', 'install', '--quiet']
      await output([...pip, ...pythonPackages], { limitMs: 10 * minuteMs })
      await output(['apt-get', 'download', '-q', 'cloud-init'], { cwd: work, limitMs: 5 * minuteMs })
      await output(['sh', '-c', 'dpkg -x cloud-init_*.deb cloud-init'], { cwd: work })
    },
  })
  // The directory was renamed after its build, so the scripts name no interpreter that exists.
  const python = join(dir, 'venv/bin/python')
  const library = `PYTHONPATH=${join(dir, 'cloud-init/usr/lib/python3/dist-packages')}`
  return {
    ksvalidator: [python, join(dir, 'venv/bin/ksvalidator')],
    ksvalidatorVersions: ['RHEL8', 'RHEL9', 'RHEL10', 'F42'],
    cloudInit: ['env', library, python, '-m', 'cloudinit.cmd.main'],
    readSeed: ['env', library, python, join(import.meta.dirname, 'read-seed.py')],
  }
}

type GoTool = {
  readonly name: string
  readonly module: string
  readonly version: string
  /** The package of the program, below the module. */
  readonly path: string
}

const goTools = {
  'ignition-validate': {
    name: 'ignition-validate',
    module: 'github.com/coreos/ignition/v2',
    version: 'v2.24.0',
    path: './validate',
  },
  butane: { name: 'butane', module: 'github.com/coreos/butane', version: 'v0.25.1', path: './internal' },
} as const satisfies Readonly<Record<string, GoTool>>

/** Returns the path of a program that is built from its module, as its own repository builds it. */
export async function goTool(wanted: keyof typeof goTools): Promise<string> {
  const tool: GoTool = goTools[wanted]
  const { name, module, version, path } = tool
  const dir = await cached({
    name: `${name}-${version}`,
    inputs: [JSON.stringify(tool)],
    async build(work) {
      const downloaded = await output(['go', 'mod', 'download', '-json', `${module}@${version}`], {
        limitMs: 10 * minuteMs,
        cwd: work,
      })
      const { Dir: from } = JSON.parse(downloaded) as { Dir: string }
      const source = join(work, 'source')
      await cp(from, source, { recursive: true })
      await output(['chmod', '-R', 'u+w', source])
      const go = (...args: string[]): Promise<string> =>
        output(['env', 'GOWORK=off', 'CGO_ENABLED=0', 'go', ...args], { cwd: source, limitMs: 60 * minuteMs })
      await mkdir(join(work, 'bin'))
      // The vendor directories are not complete in the module proxy.
      await go('build', '-trimpath', '-mod=mod', '-o', join(work, 'bin', name), path)
      await output(['rm', '-rf', source])
    },
  })
  return join(dir, 'bin', name)
}

/** Returns the path of a program that validates a machine configuration as Talos does: `talosctl` is much larger. */
export async function talosValidate(): Promise<string> {
  const from = join(import.meta.dirname, 'talos')
  const dir = await cached({
    name: 'talos-validate',
    inputs: [],
    files: ['go.mod', 'go.sum', 'main.go'].map((name) => join(from, name)),
    async build(work) {
      const program = join(work, 'talos-validate')
      const go = ['env', 'GOWORK=off', 'CGO_ENABLED=0', 'go', 'build', '-trimpath', '-o', program]
      await output(go, { cwd: from, limitMs: 60 * minuteMs })
    },
  })
  return join(dir, 'talos-validate')
}
