import fc from 'fast-check'
import t from 'tap'
import { clientCsr, servingCsr, decisionOn } from '../../support/csr.ts'
import { makeRequest, pemRequest } from '../../support/pkcs10.ts'

t.test('does not approve a request with any changed byte', (t) => {
  for (const good of [clientCsr(), servingCsr()]) {
    const text = Buffer.from(String(good.spec['request']), 'base64').toString()
    const der = Buffer.from(text.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')
    fc.assert(
      fc.property(
        fc.nat(der.length - 1),
        fc.integer({ min: 1, max: 255 }),
        fc.constantFrom('change', 'cut', 'insert', 'repeat'),
        (at, byte, kind) => {
          const before = der.subarray(0, at)
          const changed = Uint8Array.of((der[at] ?? 0) ^ byte)
          const middle =
            kind === 'insert'
              ? [Uint8Array.of(byte), der.subarray(at)]
              : kind === 'repeat'
                ? [der.subarray(at), der]
                : kind === 'cut'
                  ? []
                  : [changed, der.subarray(at + 1)]
          const request = pemRequest(Buffer.concat([before, ...middle]))
          const is = decisionOn({ ...good, spec: { ...good.spec, request } })
          if (!is.startsWith('pending: its request ')) throw new Error(`${kind} at ${at}: ${is}`)
        },
      ),
      { numRuns: 300 },
    )
  }
  t.end()
})

t.test('approves only combinations of names that mean the node and nothing else', (t) => {
  const some = <T>(...values: T[]) => fc.array(fc.constantFrom(...values), { maxLength: 2 })
  const name = 'system:node:w1.ocp45.example.net'
  fc.assert(
    fc.property(
      some(name, 'system:node:m1.ocp45.example.net', 'w1.ocp45.example.net'),
      some('system:nodes', 'system:masters'),
      some('w1.ocp45.example.net', 'W1', 'm1', '', ' w1', 'w1.'),
      some('192.0.2.21', '192.0.2.11', '2001:db8::11'),
      (commonNames, organizations, dnsNames, addresses) => {
        const request = makeRequest({ commonNames, organizations, dnsNames, addresses })
        const isOfNodes = organizations.length === 1 && organizations[0] === 'system:nodes'
        const isDeclared = isOfNodes && commonNames.length === 1 && commonNames[0] !== 'w1.ocp45.example.net'
        const isNode = isDeclared && commonNames[0] === name
        const isOwn =
          dnsNames.every((each) => ['w1.ocp45.example.net', 'W1'].includes(each)) &&
          addresses.every((each) => each === '192.0.2.21')
        const hasNames = dnsNames.length + addresses.length > 0
        const rows = [
          { is: decisionOn(clientCsr('client', { request })), isGood: isDeclared && !hasNames },
          { is: decisionOn(servingCsr('client', { request })), isGood: isNode && isOwn && hasNames },
        ]
        for (const { is, isGood } of rows) {
          if (is.startsWith('approve: ') !== isGood) throw new Error(is)
        }
      },
    ),
    { numRuns: 300 },
  )
  t.end()
})
