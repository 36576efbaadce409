import t from 'tap'
import { endpointText } from '../../src/text/endpoint.ts'

t.test('an IPv6 address is in brackets', (t) => {
  t.equal(endpointText({ address: '172.16.0.101', port: 69 }), '172.16.0.101:69')
  t.equal(endpointText({ address: 'fd00:16::101', port: 69 }), '[fd00:16::101]:69')
  t.end()
})
