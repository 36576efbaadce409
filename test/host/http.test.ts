import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const serve = fileURLToPath(new URL('../../src/cli/commands/serve.ts', import.meta.url))

/** Returns the modules of Node.js that a process loads for a command. */
function loadedBy(module: string): string[] {
  const script = `await import(${JSON.stringify(module)}); process.stdout.write(process.moduleLoadList.join('\\n'))`
  const args = ['--input-type=module', '--eval', script]
  return execFileSync(process.execPath, args, { encoding: 'utf8' }).split('\n')
}

t.test('serving does not load the fetch and WebSocket implementation of Node.js', (t) => {
  const loaded = loadedBy(serve)
  t.ok(loaded.some((name) => name.endsWith(' _http_server')))
  t.notOk(loaded.find((name) => name.includes('undici')))
  t.end()
})
