/** A site on the disk with files of the administrator, prepared as `slipway serve` does, and its routes. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { prepare, type Ready } from '../../src/prepare.ts'
import { routesWorld } from './http-service.ts'
import { siteFolder, siteText } from './site-folder.ts'

/** Every client can read `tools` and `one.bin`; nodes get templates. */
export const filesSection = `http:
  files:
    - { path: tools, dir: tools }
    - { path: tools/one.bin, file: elsewhere/one.bin }
    - { path: config.txt, template: templates/site.txt }
    - { path: other.txt, template: templates/site.txt }
`

const site = siteText(undefined, filesSection)
  .replace(
    '    nodes:',
    '    http: { files: [{ path: config.txt, template: templates/cluster.txt }] }\n    nodes:',
  )
  .replace(
    'role: worker,',
    'role: worker, http: { files: [{ path: config.txt, template: templates/node.txt }] },',
  )

type Tree = { readonly [name: string]: string | Tree }

function writeTree(dir: string, tree: Tree): void {
  mkdirSync(dir, { recursive: true })
  for (const [name, content] of Object.entries(tree)) {
    const path = join(dir, name)
    if (typeof content === 'string') writeFileSync(path, content)
    else writeTree(path, content)
  }
}

/** @param text of the site file */
function writeFolder(dir: string, text: string): void {
  writeTree(dir, {
    ...siteFolder(text),
    tools: {
      'a.bin': '0123456789',
      'with space%20.txt': 'space',
      '.hidden': 'hidden',
      lower: { 'b.txt': 'b' },
    },
    elsewhere: { 'one.bin': 'one' },
    templates: {
      'site.txt': 'site {{site.name}} {{node.name}}\n',
      'cluster.txt': 'cluster {{node.cluster}} {{node.address}}\n',
      'node.txt': 'node {{node.key}} {{server.url}}\n',
    },
  })
  writeFileSync(join(dir, 'tools/private.txt'), 'private', { mode: 0o600 })
  symlinkSync(join(dir, 'elsewhere/one.bin'), join(dir, 'tools/leads-out'))
  symlinkSync(join(dir, 'tools/a.bin'), join(dir, 'tools/stays'))
  mkdirSync(join(dir, 'tools/empty'))
}

export async function prepareFiles(dir: string): Promise<Ready> {
  const ready = await prepare(join(dir, 'site.yaml'))
  if (ready.kind !== 'ready') throw new Error(JSON.stringify(ready))
  return ready
}

/** @param text of the site file */
export async function filesWorld(t: Test, text = site) {
  const world = await routesWorld(t)
  const dir = join(world.dir, 'served')
  writeFolder(dir, text)
  const { plan } = await prepareFiles(dir)
  world.plan = { ...plan.http, port: 0 }
  const get = (path: string, remoteAddress: string, headers: Record<string, string> = {}) =>
    world.app.inject({ method: 'GET', url: path, headers, remoteAddress })
  return Object.assign(world, { folder: dir, findings: plan.findings, get })
}
