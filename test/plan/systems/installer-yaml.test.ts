import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { loadInstallerYaml, readInstallerYaml } from '../../../src/plan/systems/review/yaml.ts'

t.test('files are read only after the parser was loaded', async (t) => {
  // Another process, because other test files of this one may have loaded the parser.
  const url = new URL('../../../src/plan/systems/review/yaml.ts', import.meta.url)
  const program = `import { readInstallerYaml } from '${url.href}'; readInstallerYaml('a: 1')`
  const isRun = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program])
  await t.rejects(isRun, /was not loaded/)
  await loadInstallerYaml()
  await loadInstallerYaml()
  t.match(readInstallerYaml('a: 1'), { documents: [{ value: { a: 1 } }], problems: [] })
})

t.test('a path has the line of its innermost key that exists', async (t) => {
  await loadInstallerYaml()
  const [document] = readInstallerYaml('# first\na:\n  b: 1\n').documents
  t.equal(document?.lineOf('a', 'b'), 3)
  t.equal(document?.lineOf('a', 'c'), 2)
  t.equal(document?.lineOf('a', 'b', 'c'), 3, 'a value has no keys')
})
