import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { writeNewSite } from '../../src/cli/new-site.ts'

t.test('the schema that a new file names for editors exists', async (t) => {
  const file = join(t.testdir(), 'site.yaml')
  t.equal(
    await writeNewSite(file, '# yaml-language-server: $schema=./site.schema.json\nsite: a\n'),
    undefined,
  )
  const [, schema = ''] = /^# yaml-language-server: \$schema=(.*)$/m.exec(readFileSync(file, 'utf8')) ?? []
  t.match(schema, /^\/.*\/config\/site\.schema\.json$/)
  t.ok(existsSync(schema))
})

t.test('a file that cannot be written has a reason', async (t) => {
  const folder = t.testdir({ file: 'x' })
  t.equal(await writeNewSite(join(folder, 'new'), 'text'), undefined)
  t.match(
    await writeNewSite(join(folder, 'file', 'new'), 'text'),
    /^cannot write .*: a part of the path is a file, not a directory; check the path$/,
  )
  t.match(await writeNewSite('/proc/1/none/site.yaml', 'text'), /does not exist: create it first$/)
})
