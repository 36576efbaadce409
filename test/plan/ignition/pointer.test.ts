import t from 'tap'
import { isPointer, mergeSources } from '../../../src/plan/ignition/pointer.ts'
import { pointerText } from '../../support/ignition.ts'

const source = 'https://api-int.ocp45.example.net:22623/config/worker'
const merging = (...sources: unknown[]) => ({
  ignition: { version: '3.4.0', config: { merge: sources.map((each) => ({ source: each })) } },
})

/** As the machine config operator writes its secrets: every part of the specification, most of them empty. */
const ofOperator = {
  ignition: {
    config: { merge: [{ source, verification: {} }], replace: { verification: {} } },
    proxy: {},
    security: { tls: { certificateAuthorities: [{ source: 'data:,PEM', verification: {} }] } },
    timeouts: {},
    version: '3.4.0',
  },
  kernelArguments: {},
  passwd: {},
  storage: {},
  systemd: {},
}

t.test('what is a pointer and nothing else', (t) => {
  const cases: readonly (readonly [name: string, config: unknown, is: boolean])[] = [
    ["the installer's", JSON.parse(pointerText()), true],
    ["the machine config operator's", ofOperator, true],
    ['one without authorities', merging(source), true],
    ['one that also writes a file', { ...ofOperator, storage: { files: [{ path: '/etc/motd' }] } }, false],
    ['one with a user', { ...merging(source), passwd: { users: [{ name: 'core' }] } }, false],
    ['one that merges two configurations', merging(source, source), false],
    ['one that replaces instead', { ignition: { version: '3.4.0', config: { replace: { source } } } }, false],
    [
      'one by way of a proxy',
      { ignition: { ...merging(source).ignition, proxy: { httpsProxy: 'http://192.0.2.9' } } },
      false,
    ],
    ['one that has a number where text belongs', { ...merging(source), systemd: 7 }, false],
    ['one that leads nowhere', merging(), false],
    ['one whose source is no text', merging(7), false],
    ['one of version 2', { ignition: { version: '2.2.0', config: { append: [{ source }] } } }, false],
    ['nothing', null, false],
    ['a list', [], false],
    ['a merge that is no list', { ignition: { config: { merge: { source } } } }, false],
  ]
  for (const [name, config, is] of cases) t.equal(isPointer(config), is, name)
  t.end()
})

t.test('what it merges', (t) => {
  t.same(mergeSources(ofOperator), [source])
  t.same(mergeSources(merging(source, 7, 'data:,')), [source, 'data:,'])
  t.same(mergeSources({ ignition: { config: { merge: { source } } } }), [])
  t.same(mergeSources('text'), [])
  t.end()
})
