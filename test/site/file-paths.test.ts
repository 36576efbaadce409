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

t.test('the CA of BMCs is relative to the site file, for the site, a cluster, a group, and a node', (t) => {
  const site = exampleSite()
  const [cluster] = site.clusters
  const [node] = cluster?.nodes ?? []
  Object.assign(site, { bmc: { ca: 'site.pem', credentials: 'bmc' } })
  Object.assign(cluster ?? {}, {
    bmc: { ca: './cluster.pem', credentials: '/etc/slipway/bmc.credentials' },
  })
  Object.assign(node ?? {}, { bmc: { address: '172.16.1.21', ca: '/srv/node.pem' } })
  const other = { name: 'web1', mac: '00:50:56:96:20:01', address: '172.16.0.61' }
  Object.assign(site, {
    groups: [
      {
        name: 'web',
        domain: 'example.net',
        image: 'rhcos-4.17',
        bmc: { ca: '../group.pem' },
        nodes: [{ ...other, bmc: { address: '172.16.1.61', ca: 'web1.pem' } }],
      },
    ],
  })
  const { bmc, clusters, groups } = withAbsolutePaths(siteSchema.parse(site), '/etc/slipway')
  t.same(bmc, { ca: '/etc/slipway/site.pem', credentials: 'bmc' })
  t.same(clusters[0]?.bmc, { ca: '/etc/slipway/cluster.pem', credentials: '/etc/slipway/bmc.credentials' })
  t.same(clusters[0]?.nodes[0]?.bmc, { address: '172.16.1.21', ca: '/srv/node.pem' })
  t.equal(groups[0]?.bmc?.ca, '/etc/group.pem')
  t.equal(groups[0]?.nodes[0]?.bmc?.ca, '/etc/slipway/web1.pem')
  t.end()
})
