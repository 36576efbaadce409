import t from 'tap'
import { folderOf, resolvePath } from '../../src/site/file-paths.ts'

t.test('resolves a path from a directory', (t) => {
  const cases = [
    { folder: '/etc/slipway', path: 'images', resolved: '/etc/slipway/images' },
    { folder: '/etc/slipway', path: './images/', resolved: '/etc/slipway/images' },
    { folder: '/etc/slipway', path: '../images/x/../y', resolved: '/etc/images/y' },
    { folder: '/etc', path: '../../..', resolved: '/' },
    { folder: '/etc/slipway', path: '/srv//images/.', resolved: '/srv/images' },
    { folder: '', path: 'images', resolved: '/images' },
  ]
  for (const { folder, path, resolved } of cases)
    t.equal(resolvePath(folder, path), resolved, `${path} in ${folder}`)
  t.end()
})

t.test('returns the directory of a file', (t) => {
  t.equal(folderOf('/etc/slipway/site.yaml'), '/etc/slipway')
  t.equal(folderOf('/site.yaml'), '')
  t.equal(folderOf('site.yaml'), '')
  t.end()
})
