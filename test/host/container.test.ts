/** The Containerfile cannot be built everywhere; these tests check what it uses of this repository. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'

const root = new URL('../../', import.meta.url).pathname
const lines = (await readFile(join(root, 'Containerfile'), 'utf8')).replaceAll('\\\n', '').split('\n')
const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
  bin: { slipway: string }
  engines: { node: string }
  scripts: Record<string, string>
}

const copied = lines
  .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
  .flatMap((line) => line.split(' ').slice(1, -1))

t.test('the files that Containerfile copies exist, and .containerignore does not exclude them', async (t) => {
  const ignore = (await readFile(join(root, '.containerignore'), 'utf8')).split('\n')
  for (const path of copied) t.equal((await stat(join(root, path))).size > 0, true, path)
  t.same(
    ignore.filter((line) => line.startsWith('!')),
    copied.map((path) => `!${path.replace(/^\.\//, '')}`),
  )
  t.equal(ignore.includes('*'), true)
})

t.test('Containerfile builds with a script of package.json and links the built program', (t) => {
  const text = lines.join('\n')
  for (const [, script] of text.matchAll(/npm run (\S+)/g)) t.match(manifest.scripts, { [script!]: String })
  t.match(text, `ln -s /opt/slipway/${manifest.bin.slipway} /usr/local/bin/slipway`)
  t.same(
    lines.filter((line) => line.startsWith('ENTRYPOINT')),
    ['ENTRYPOINT ["slipway"]'],
  )
  t.end()
})

t.test('both stages use the same image, with a supported version of Node', (t) => {
  const images = lines.flatMap((line) => /^FROM (\S+)/.exec(line)?.[1] ?? [])
  t.same(images, Array(2).fill('docker.io/library/node:24-trixie-slim'))
  t.equal(manifest.engines.node, '>=22.18')
  t.end()
})

t.test('the health check uses the address of the site', async (t) => {
  const [health = ''] = lines.filter((line) => line.startsWith('HEALTHCHECK'))
  const [program, ...args] = JSON.parse(health.slice(health.indexOf('['))) as string[]
  t.equal(program, 'node')

  let status = 200
  const server = createServer((request, response) => response.writeHead(status).end(request.url))
  t.teardown(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const site = join(
    t.testdir({ 'site.yaml': `server: { address: 127.0.0.1, ports: { http: ${port} } }\n` }),
    'site.yaml',
  )
  const exitCode = async () => {
    const here = args.map((text) => text.replace('/etc/slipway/site.yaml', site))
    const [code] = (await once(spawn(process.execPath, here, { cwd: root }), 'exit')) as [number]
    return code
  }
  t.equal(await exitCode(), 0)
  status = 500
  t.equal(await exitCode(), 1)
})
