import t from 'tap'
import { folderOf, resolvePath, withAbsolutePaths } from '../../src/site/file-paths.ts'
import { siteSchema } from '../../src/site/schema.ts'
import { exampleSite } from '../support/model.ts'

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

t.test('the files of HTTPS are relative to the site file', (t) => {
  const tlsOf = (tls: object) => {
    const site = exampleSite()
    site.server['tls'] = tls
    return withAbsolutePaths(siteSchema.parse(site), '/etc/slipway').server.tls
  }
  t.same(tlsOf({ certificate: 'tls/a.crt', key: './a.key', ca: '../ca.crt' }), {
    certificate: '/etc/slipway/tls/a.crt',
    key: '/etc/slipway/a.key',
    ca: '/etc/ca.crt',
  })
  t.same(tlsOf({ ca: 'generated' }), { ca: 'generated' })
  t.equal(withAbsolutePaths(siteSchema.parse(exampleSite()), '/etc/slipway').server.tls, undefined)
  t.end()
})
