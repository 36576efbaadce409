import t from 'tap'
import { explainNetworkError } from '../../src/cluster/network-error.ts'

const notOurs =
  "its certificate is not the kubeconfig's authority's: the kubeconfig is of another installation"
const authorityCodes = [
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
]

t.test('each error says what it means, an unknown one says its own words', (t) => {
  const cases: [code: string, sentence: string][] = [
    ['ECONNREFUSED', 'the connection is refused, nothing listens there yet'],
    ['ENOTFOUND', 'its name cannot be resolved on this machine'],
    ['EAI_AGAIN', 'its name cannot be resolved on this machine'],
    ['EHOSTUNREACH', 'there is no way to it'],
    ['ENETUNREACH', 'there is no way to it'],
    ['ETIMEDOUT', 'it does not answer'],
    ['ECONNRESET', 'the connection was cut'],
    ['EPIPE', 'the connection was cut'],
    ...authorityCodes.map((code): [string, string] => [code, notOurs]),
    ['CERT_HAS_EXPIRED', 'its certificate has ended'],
    ['CERT_NOT_YET_VALID', "its certificate does not count yet; compare this machine's clock"],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'its certificate is for other names'],
    ['ELSE', 'own words'],
  ]
  for (const [code, sentence] of cases) {
    t.equal(explainNetworkError(Object.assign(new Error('own words'), { code })), sentence, code)
  }
  t.end()
})
