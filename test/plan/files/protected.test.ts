/** What is never served below /files. */
import t from 'tap'
import { isWithin, protectedPaths } from '../../../src/plan/files/protected.ts'
import { siteSchema } from '../../../src/site/schema.ts'
import { exampleSite } from '../../support/model.ts'

t.test('all secrets that a site names are protected, and its images and templates', (t) => {
  const site = Object.assign(exampleSite(), {
    bmc: { credentials: '/etc/bmc' },
    http: {
      files: [
        { path: 'a', template: '/srv/a.tmpl' },
        { path: 'b', dir: '/srv/b' },
      ],
    },
    hooks: { chat: { events: 'node.ready', webhook: { url: 'https://h/x', secretFile: '/etc/hook' } } },
  })
  const [cluster] = site.clusters
  Object.assign(cluster!, {
    files: [
      { path: '/etc/x', from: '/srv/x' },
      { path: '/etc/y', contents: 'y' },
    ],
    networkKeyfiles: '/srv/eno1.nmconnection',
  })
  t.same(protectedPaths(siteSchema.parse(site)).sort(), [
    '/etc/bmc',
    '/etc/hook',
    '/srv/a.tmpl',
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
