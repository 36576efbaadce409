import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const module = fileURLToPath(new URL('../../src/host/startup.ts', import.meta.url))

/** Enables the cache in a new process. @returns its directory, or an empty text */
function enabled(env: Readonly<Record<string, string>>): string {
  const script = `import { enableOwnCompileCache } from ${JSON.stringify(module)}; process.stdout.write(enableOwnCompileCache() ?? '')`
  return execFileSync(process.execPath, ['--input-type=module', '--eval', script], { env, encoding: 'utf8' })
}

t.test('the cache is in the directory of the service, or in the home directory of the user', (t) => {
  const folder = t.testdir({ service: {}, home: {} })
  for (const name of ['service', 'home']) chmodSync(`${folder}/${name}`, 0o700)
  const service = enabled({ CACHE_DIRECTORY: `${folder}/service`, HOME: `${folder}/home` })
  t.match(service, `${folder}/service/compile-cache`)
  t.match(enabled({ HOME: `${folder}/home` }), `${folder}/home/.cache/slipway/compile-cache`)
  t.ok(existsSync(service))
  t.equal(enabled({}), '')
  t.end()
})

t.test('a directory that other users can write to is not used, because its content is executed', (t) => {
  const folder = t.testdir({ home: {} })
  chmodSync(`${folder}/home`, 0o777)
  t.equal(enabled({ HOME: `${folder}/home` }), '')
  t.equal(enabled({ HOME: `${folder}/none` }), '')
  t.end()
})
