import fc from 'fast-check'
import t from 'tap'
import { checkProvidedFile } from '../../../src/scan/ignition/provided.ts'
import { declaredCluster } from '../../support/cluster.ts'
import { certificate, dataUrl, ignitionText } from '../../support/ignition.ts'

/** `c1.example.net`, whose api and api-int are 192.0.2.5. */
const cluster = declaredCluster()
const now = Date.UTC(2026, 10, 21, 12)

const pointer = (source: unknown, authority = certificate('root-ca'), version = '3.4.0') =>
  JSON.stringify({
    ignition: {
      version,
      config: { merge: [{ source }] },
      security: { tls: { certificateAuthorities: [{ source: dataUrl(authority) }] } },
    },
  })
const judge = (text: string) => checkProvidedFile(cluster, 'worker-user-data-managed', Buffer.from(text), now)
const problem = (text: string) => {
  const judged = judge(text)
  return 'problem' in judged ? judged.problem : 'none'
}

t.test('what leads to the machine configuration server of the cluster is taken as it is', (t) => {
  const text = pointer('https://api-int.c1.example.net:22623/config/worker')
  const judged = judge(text)
  if ('problem' in judged) throw new Error(judged.problem)
  t.match(judged.document, { path: 'worker-user-data-managed', version: '3.4.0', unread: 0 })
  t.equal(Buffer.from(judged.document.octets).toString(), text)
  t.equal(judged.document.certificates.length, 1)
  t.equal(problem(pointer('https://192.0.2.5:22623/config/infra')), 'none', 'by address, of another pool')
  const both = certificate('old-signer') + certificate('root-ca')
  t.equal(
    problem(pointer('https://192.0.2.5:22623/config/worker', both)),
    'none',
    'an authority that is over, beside its successor',
  )
  t.end()
})

t.test('what leads elsewhere, or nowhere, is not', (t) => {
  const expected = 'expected https://api-int.c1.example.net:22623/config/…'
  const stray = [
    'https://api-int.c2.example.net:22623/config/worker',
    'https://192.0.2.6:22623/config/worker',
    'http://api-int.c1.example.net:22623/config/worker',
    'https://api-int.c1.example.net:22624/config/worker',
    'https://api-int.c1.example.net:22623/healthz',
    'https://[2001:db8::1]:22623/config/worker',
    'data:,{}',
    'worker',
  ]
  for (const source of stray) t.equal(problem(pointer(source)), `points to "${source}", ${expected}`, source)
  t.equal(problem(ignitionText({})), 'does not point to a configuration')
  t.equal(problem(pointer(7)), 'does not point to a configuration')
  t.end()
})

t.test('what is no Ignition file of version 3, and what trusts nobody any more', (t) => {
  t.equal(problem('{'), 'is not JSON')
  t.equal(problem('{}'), 'is not an Ignition file, because ignition.version is missing')
  t.match(
    problem(pointer('https://192.0.2.5:22623/config/worker', '', '2.2.0')),
    /^has Ignition version 2\.2\.0 of an/,
  )
  t.equal(
    problem(pointer('https://192.0.2.5:22623/config/worker', certificate('old-signer'))),
    'trusts only a certificate authority that expired at 2020-01-02 00:00 UTC',
  )
  t.end()
})

t.test('whatever a cluster gives is a document that leads to it, or has a reason', (t) => {
  const anything = fc.anything({ maxDepth: 2 })
  const source = fc.oneof(
    anything,
    fc.webUrl({ withFragments: true, withQueryParameters: true }),
    fc.constantFrom('https://192.0.2.5:22623/config/worker', 'https://[::1]:22623/config/x', 'https://'),
  )
  const config = fc.record(
    { merge: fc.oneof(anything, fc.array(fc.oneof(anything, fc.record({ source })))), replace: anything },
    { requiredKeys: [] },
  )
  const ignition = fc.record({ version: fc.constantFrom('3.4.0', '3.1.0', 7), config }, { requiredKeys: [] })
  const octets = fc.oneof(
    fc.uint8Array(),
    fc.record({ ignition, storage: anything }, { requiredKeys: [] }).map((value) => encode(value)),
  )
  fc.assert(
    fc.property(octets, (given) => {
      const judged = checkProvidedFile(cluster, 'worker-user-data-managed', given, now)
      if ('problem' in judged) return judged.problem !== ''
      return Buffer.from(judged.document.octets).toString().includes('192.0.2.5:22623')
    }),
    { numRuns: 2000 },
  )
  t.end()
})

function encode(value: unknown): Uint8Array {
  try {
    return Buffer.from(JSON.stringify(value))
  } catch {
    // Not everything can be written as JSON: a big number cannot.
    return new Uint8Array()
  }
}
