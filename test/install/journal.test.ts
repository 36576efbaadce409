/** What is said over and over is kept once, for a while. */
import t from 'tap'
import { acknowledged, installsWorld } from '../support/installs.ts'

const key = 'ocp45/m1'

t.test('who waits, or guesses, does not fill the history', (t) => {
  const { installs, clock } = installsWorld()
  const waits = { node: key, kind: 'script', script: 'wait', reason: 'waits until …' } as const
  const guesses = {
    node: key,
    kind: 'ignition',
    role: 'master',
    outcome: 'refused',
    client: 'x',
    octets: 0,
    reason: 'no',
  } as const
  for (let second = 0; second < 60; second += 5) {
    installs.observe(waits)
    installs.observe(guesses)
    clock.advance(5000)
  }
  t.equal(installs.history(key).length, 2)
  installs.observe(waits)
  installs.observe({ node: key, kind: 'script', script: 'install', role: 'master' })
  installs.observe(waits)
  t.equal(installs.history(key).length, 5)
  t.end()
})

t.test('a flood of one question is kept twice a second, and a client that asks again each time', (t) => {
  const { installs, clock } = installsWorld()
  for (let ms = 0; ms < 2000; ms += 10) {
    installs.observe(acknowledged(key, 'ipxe'))
    installs.observe(acknowledged('ocp45/w1', 'ipxe'))
    clock.advance(10)
  }
  t.same([installs.history(key).length, installs.history('ocp45/w1').length], [4, 4])
  for (let seconds = 0; seconds < 5; seconds++) {
    clock.advance(1000)
    installs.observe(acknowledged(key, 'ipxe'))
  }
  t.equal(installs.history(key).length, 9)
  const others = [
    acknowledged(key, 'firmware'),
    acknowledged(key, 'ipxe', false),
    { ...acknowledged(key, 'ipxe'), answer: 'refused' },
    { ...acknowledged(key, 'ipxe'), message: 'discover' },
    { ...acknowledged(key, 'ipxe'), architecture: 7 },
    { ...acknowledged(key, 'ipxe'), vendorClass: 'PXEClient' },
  ] as const
  for (const other of others) installs.observe(other)
  t.equal(installs.history(key).length, 15, 'another question is none of them')
  t.end()
})
