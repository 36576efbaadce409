/** The sections of the fixture, each as kernel arguments and as keyfiles. The end-to-end test has NetworkManager read them. */
import t from 'tap'
import { golden } from '../../support/golden.ts'
import { optionText } from '../../../src/plan/network/arguments.ts'
import { networkCases, networkNode } from '../../support/network-cases.ts'

t.test('each section as kernel arguments and as files of the installed system', (t) => {
  const text = networkCases.map((each) => {
    const { kernelArguments, files } = networkNode(each)
    const contents = files.map(({ path, mode, source }) => {
      t.equal(mode, path.endsWith('.nmconnection') ? 0o600 : 0o644, path)
      return `--- ${path}\n${source.kind === 'text' ? source.text : ''}`
    })
    return [`===== ${each.name}`, ...kernelArguments, ...contents].join('\n')
  })
  golden(t, 'networks/renderings.txt', `${text.join('\n')}\n`)
  t.end()
})

t.test('the host name is written without a lease, unless the site says otherwise', (t) => {
  const [first, , , , dynamic] = networkCases
  if (first === undefined || dynamic === undefined) throw new Error('too few cases')
  const paths = (node: ReturnType<typeof networkNode>) => node.files.map(({ path }) => path)
  t.ok(paths(networkNode(first)).includes('/etc/hostname'))
  t.notOk(paths(networkNode(first, { hostname: false })).includes('/etc/hostname'))
  t.notOk(paths(networkNode(dynamic)).includes('/etc/hostname'))
  t.ok(paths(networkNode(dynamic, { hostname: true })).includes('/etc/hostname'))
  t.end()
})

t.test('a family that is enabled and has no address is off, and the bonding driver has no booleans', (t) => {
  const dhcp = { name: 'eno1', type: 'ethernet', ipv4: { dhcp: true } }
  const other = { name: 'eno2', type: 'ethernet', ipv4: { enabled: true }, ipv6: { enabled: true } }
  const { files } = networkNode({ network: { interfaces: [dhcp, other] } })
  const file = files.find(({ path }) => path.endsWith('/eno2.nmconnection'))
  t.match(file?.source, { text: /\[ipv4\]\nmethod=disabled\n\n\[ipv6\]\nmethod=link-local\n/ })
  t.equal(optionText(false), '0')
  t.end()
})
