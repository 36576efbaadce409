/** docs/api.md names what the local API answers, and its examples work. */
import { spawnSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { controlService } from './support/control-service.ts'

const text = readFileSync(new URL('../docs/api.md', import.meta.url), 'utf8')
const examples = [...text.matchAll(/^curl --unix-socket \/run\/slipway\/control.sock (.*)$/gm)].map(
  ([, rest]) => rest!,
)
const hasCurl = spawnSync('curl', ['--version']).status === 0

t.test('every example in docs/api.md gets an answer', { skip: !hasCurl && 'curl is not here' }, async (t) => {
  const { path, installs } = await controlService(t)
  t.equal(examples.length, 6)
  for (const example of examples) {
    const args = [
      '--silent',
      '--show-error',
      '--max-time',
      '20',
      '--unix-socket',
      path,
      ...example.split(' '),
    ]
    const child = spawn('curl', args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let out = ''
    child.stdout.on('data', (chunk) => (out += String(chunk)))
    if (example.endsWith('/events')) {
      while (!out.includes('retry')) await once(child.stdout, 'data')
      installs.observe({ node: 'ocp45/w1', kind: 'script', script: 'install', role: 'worker' })
      while (!out.includes('data: ')) await once(child.stdout, 'data')
      child.kill()
      t.match(out, /^id: \d+\ndata: \{"node":"ocp45\/w1","kind":"script"/m)
    } else {
      await once(child, 'close')
      t.notMatch(JSON.parse(out), { error: String }, example)
    }
  }
})
