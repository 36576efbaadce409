import t from 'tap'
import { bootEvidenceOf } from '../../../src/cluster/csr/boot-evidence.ts'
import { acknowledged, ignitionSent, installsWorld } from '../../support/installs.ts'

const key = 'ocp45/m1'
const own = { address: '192.0.2.11', client: '192.0.2.11:40000' }

t.test('the evidence is the chain of tokens from the script to the first boot', async (t) => {
  const { installs, clock } = installsWorld()
  const evidence = () => bootEvidenceOf(installs.list()[1]!)
  const startedAt = clock.now()
  const answer = await installs.boot(key, { isSkipping: false })
  if (answer.kind !== 'install') throw new Error(answer.kind)
  const { token } = answer
  await installs.mayRead(key, { token, address: own.address, what: 'master', isHead: false })
  t.equal(evidence(), undefined, 'the Ignition file')
  await installs.callback(key, 'written', token, own)
  t.equal(evidence(), undefined, 'the written disk')
  await installs.callback(key, 'started', token, own)
  t.equal(evidence(), undefined, 'a callback with the token of the script')
  clock.advance(60_000)
  await installs.callback(key, 'started', installs.startedToken(token), own)
  t.same(evidence(), { from: startedAt, to: startedAt + 60_000, installedAt: startedAt })
})

t.test('what other clients can cause is not evidence', (t) => {
  const { installs } = installsWorld()
  installs.observe(acknowledged(key, 'system'))
  installs.observe(acknowledged(key, 'ipxe'))
  installs.observe(ignitionSent(key))
  installs.observe({ node: key, kind: 'script', script: 'install', role: 'master' })
  t.equal(bootEvidenceOf(installs.list()[1]!), undefined)
  t.end()
})
