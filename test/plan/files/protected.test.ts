/** What is never served below /files. */
import t from 'tap'
import { isWithin, protectedPaths } from '../../../src/plan/files/protected.ts'
import { siteSchema } from '../../../src/site/schema.ts'
import { exampleSite } from '../../support/model.ts'

t.test('all secrets that a site names are protected, and its images and templates', (t) => {
  const site = Object.assign(exampleSite(), {
    bmc: { credentials: '/etc/bmc' },
    api: { certificate: '/etc/api.crt', key: '/etc/api.key' },
    store: { etcd: { endpoints: ['https://e:2379'], ca: '/e.crt', cert: '/e2.crt', key: '/etc/etcd.key' } },
    haproxy: { file: '/srv/haproxy.cfg', stats: { bind: '127.0.0.1:9000', users: '/etc/stats-users' } },
    http: {
      files: [
        { path: 'a', template: '/srv/a.tmpl' },
        { path: 'b', dir: '/srv/b' },
      ],
    },
    hooks: { chat: { events: 'node.ready', webhook: { url: 'https://h/x', secretFile: '/etc/hook' } } },
  })
  site.server['tls'] = { certificate: '/etc/https.crt', key: '/etc/https.key' }
  const [cluster] = site.clusters
  Object.assign(cluster!.nodes[0]!, { script: '/srv/discovery.ipxe' })
  Object.assign(cluster!, {
    assisted: {
      url: 'https://assisted.example.net',
      infraEnv: '0b2d3a4c-5e6f-4a1b-8c9d-0e1f2a3b4c5d',
      tokenFile: '/etc/assisted-token',
    },
    script: 'http://assisted.example.net/script',
    files: [
      { path: '/etc/x', from: '/srv/x' },
      { path: '/etc/y', contents: 'y' },
    ],
    networkKeyfiles: '/srv/eno1.nmconnection',
  })
  t.same(protectedPaths(siteSchema.parse(site)).sort(), [
    '/etc/api.key',
    '/etc/assisted-token',
    '/etc/bmc',
    '/etc/etcd.key',
    '/etc/hook',
    '/etc/https.key',
    '/etc/stats-users',
    '/srv/a.tmpl',
    '/srv/discovery.ipxe',
    '/srv/eno1.nmconnection',
    '/srv/ignition',
    '/srv/ignition/auth/kubeconfig',
    '/srv/rhcos',
    '/srv/x',
  ])
  t.end()
})

t.test('a path is within a directory, and not within one whose name it only starts with', (t) => {
  t.ok(isWithin('/srv/a', ['/srv/a']))
  t.ok(isWithin('/srv/a/b', ['/x', '/srv/a']))
  t.ok(isWithin('/srv/a', ['/']))
  t.notOk(isWithin('/srv/ab', ['/srv/a']))
  t.notOk(isWithin('/srv', ['/srv/a']))
  t.end()
})
