/** The completion scripts in the shells that they are for: bash and zsh at a terminal, and the completion of fish. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expectEqual } from '../expect.ts'
import { output } from '../process.ts'
import type { Check } from '../runner.ts'
import { slipway } from '../server.ts'

/** What is typed, with a tab where the shell completes, and the arguments that slipway then gets. */
const typed = [
  ['node sho\tm\t', 'node show m1'],
  ['relo\t', 'reload'],
  ['explain oc\t --js\t', 'explain ocp45/w1 --json'],
  ['events --node m\t', 'events --node m1'],
] as const

/** Answers requests for names, and records all other arguments. */
const recorder = `slipway() {
  if [ "$1" = completion ]; then printf 'ocp45/w1\\nm1\\n'; else echo "$*" >>log; fi
}
`

const zshSetup = 'fpath=($PWD $fpath); autoload -Uz compinit; compinit -u -d ./dump'

export const completionChecks: readonly Check[] = [
  {
    name: 'operation: bash, zsh, and fish complete commands, options, and names',
    limitMs: 120_000,
    async run(rig) {
      const dir = join(rig.dir, 'completion')
      const at = (name: string): string => join(dir, name)
      await rm(dir, { recursive: true, force: true })
      await mkdir(dir, { recursive: true })
      await writeFile(at('recorder'), recorder)
      // zsh finds a completion by the name of its file.
      for (const [shell, file] of Object.entries({ bash: 'bash', zsh: '_slipway', fish: 'fish' })) {
        await writeFile(at(file), await output(slipway('completion', shell)))
      }
      const options = { cwd: dir, limitMs: 60_000 }
      const expected = `${typed.map(([, args]) => args).join('\n')}\n`
      const type = async (setup: string, ...shell: string[]): Promise<string> => {
        await rm(at('log'), { force: true })
        const lines = [`source ./recorder; ${setup}`, ...typed.map(([text]) => `slipway ${text}`)]
        const program = join(import.meta.dirname, '../stubs/type-in-shell.py')
        await output(['env', `HOME=${dir}`, 'python3', program, ...shell], {
          ...options,
          input: JSON.stringify(lines),
        })
        return readFile(at('log'), 'utf8')
      }
      expectEqual(await type('source ./bash', 'bash', '--norc', '-i'), expected, 'bash')
      expectEqual(await type(zshSetup, 'zsh', '-f', '-i'), expected, 'zsh')

      const names = "function slipway; printf 'ocp45/w1\\nm1\\n'; end; source ./fish"
      const complete = async (text: string): Promise<string> => {
        const command = ['fish', '--no-config', '-c', `${names}; complete -C 'slipway ${text}'`]
        const candidates = await output(['env', `HOME=${dir}`, ...command], options)
        return candidates
          .split('\n')
          .filter(Boolean)
          .map((line) => line.split('\t')[0])
          .join(' ')
      }
      expectEqual(await complete('node sho'), 'show', 'fish: an action')
      expectEqual(await complete('relo'), 'reload', 'fish: a command')
      expectEqual(await complete('explain oc'), 'ocp45/w1', 'fish: a node')
      expectEqual(await complete('explain m1 --js'), '--json', 'fish: an option')
      expectEqual(await complete('events --node m'), 'm1', 'fish: the value of an option')
      return undefined
    },
  },
]
