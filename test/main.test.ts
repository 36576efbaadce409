import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { siteFolder, sitePath } from './support/site-folder.ts'
import { uninstrumented } from './support/uninstrumented.ts'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

/** Runs the program as a user does. */
const slipway = (...args: string[]) => run(...uninstrumented(process.execPath, main, ...args))
/** The same, and counts the lines that it reaches. Takes three times as long. */
const measured = (...args: string[]) => run(process.execPath, [main, ...args])

async function run(
  command: string,
  args: string[],
): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 })
  const [out, err, ended] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code: ended[0] as number | null, out, err }
}

t.test('without a command, or with an unknown one, it says what there is; exit code 2', async (t) => {
  t.match(await measured(), { code: 2, out: '', err: /^usage: slipway COMMAND/ })
  t.match(await measured('sevre'), { code: 2, err: /^slipway: there is no command "sevre"\nusage:/ })
})

t.test('--help everywhere; exit code 0', async (t) => {
  const overview = await slipway('--help')
  t.match(overview, { code: 0, err: '' })
  for (const [, name] of overview.out.matchAll(/^ {2}(\w+) {3,}/gm)) {
    t.match(await slipway(name ?? '', '--help'), {
      code: 0,
      err: '',
      out: new RegExp(`^usage: slipway ${name} `),
    })
  }
  for (const action of ['add', 'remove', 'adopt']) {
    const { code, out } = await slipway('node', action, '--help')
    t.match({ code, out }, { code: 0, out: new RegExp(`^usage: slipway node ${action} [^]*Exit code 0`) })
  }
  t.match(await measured('--version'), { code: 0, out: /^\d+\.\d+\.\d+\n$/ })
})

t.test('a command line that is not understood: why, and the usage; exit code 2', async (t) => {
  t.match(await slipway('check'), {
    code: 2,
    err: /^slipway check: check takes one site file\nusage: slipway check/,
  })
  t.match(await slipway('check', '--jsno', 'x'), { code: 2, err: /^slipway check: Unknown option '--jsno'/ })
  t.match(await slipway('node', 'add', 'w4', 'site.yaml'), {
    code: 2,
    err: /^slipway node: add takes --mac\nusage: slipway node add NAME/,
  })
  t.match(await measured('node', 'toString', '--help'), { code: 0, out: /^usage: slipway node show/ })
  t.match(await slipway('serve', '--log-level', 'loud', 'x'), {
    code: 2,
    err: /--log-level takes one of debug, /,
  })
})

t.test('a reader that goes away early is no error', async (t) => {
  const child = spawn(process.execPath, [main, '--help'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 30_000,
  })
  child.stdout.destroy()
  const [err, ended] = await Promise.all([text(child.stderr), once(child, 'close')])
  t.same({ err, ended }, { err: '', ended: [0, null] })
})

t.test('exit codes reach the shell', async (t) => {
  const folder = t.testdir(siteFolder())
  t.match(await measured('check', sitePath(folder)), { code: 0, err: '' })
  t.match(await measured('check', `${folder}/none.yaml`), {
    code: 1,
    out: '',
    err: /^cannot read the site file/,
  })
  t.match(await measured('serve', `${folder}/none.yaml`), {
    code: 1,
    out: '',
    err: /^cannot read the site file/,
  })
})
