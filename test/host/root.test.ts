import { existsSync } from 'node:fs'
import t from 'tap'
import { root } from '../../src/host/root.ts'

t.test('the root directory has what the program reads at run time', (t) => {
  for (const name of ['package.json', 'config/site.example.yaml']) t.ok(existsSync(new URL(name, root)), name)
  t.end()
})
