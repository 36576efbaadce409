import t from 'tap'
import { createTroubles } from '../../src/cluster/troubles.ts'

function said() {
  const lines: string[] = []
  const troubles = createTroubles({
    warn: ({ cluster, reason }, message) =>
      void lines.push(`${cluster as string}: ${message}: ${reason as string}`),
    info: ({ cluster }, message) => void lines.push(`${cluster as string}: ${message}`),
  })
  return { lines, troubles }
}

const refused = 'c1: cluster cannot be asked: refused'
const again = 'c1: cluster is heard again'

t.test('what several meet is said once, and once when the last of them hears the cluster again', (t) => {
  const { lines, troubles } = said()
  const [a, b] = [troubles('c1', 'a'), troubles('c1', 'b')]
  a.end()
  a.say('refused')
  b.say('refused')
  a.say('refused')
  t.same(lines, [refused])
  t.same([a.sentence(), b.sentence()], ['refused', 'refused'])
  a.end()
  t.same([a.sentence(), lines.length], [undefined, 1])
  b.end()
  t.same(lines, [refused, again])
  b.say('refused')
  t.same(lines, [refused, again, refused])
  t.end()
})

t.test('each sentence is said, and one that comes back during the same outage is not said again', (t) => {
  const { lines, troubles } = said()
  const a = troubles('c1', 'a')
  for (const sentence of ['refused', 'silent', 'refused', 'silent']) a.say(sentence)
  t.same(lines, [refused, 'c1: cluster cannot be asked: silent'])
  t.equal(a.sentence(), 'silent')
  t.end()
})

t.test('a part that is refused for good does not keep the next outage from being said', (t) => {
  const { lines, troubles } = said()
  const [a, b] = [troubles('c1', 'a'), troubles('c1', 'b')]
  b.say('forbidden')
  for (const each of [a, b]) each.say('refused')
  a.end()
  b.say('forbidden')
  a.say('refused')
  const forbidden = 'c1: cluster cannot be asked: forbidden'
  t.same(lines, [forbidden, refused, forbidden, refused], 'it is said once for each outage itself')
  t.end()
})

t.test('who asks no more is not waited for; clusters have nothing to do with each other', (t) => {
  const { lines, troubles } = said()
  const [a, b, other] = [troubles('c1', 'a'), troubles('c1', 'b'), troubles('c2', 'a')]
  for (const each of [a, b, other]) each.say('refused')
  b.drop()
  a.end()
  t.same(lines, [refused, 'c2: cluster cannot be asked: refused', again])
  troubles('c1', 'b').say('refused')
  troubles('c2', 'b').say('refused')
  t.equal(lines.length, 4)
  t.end()
})
