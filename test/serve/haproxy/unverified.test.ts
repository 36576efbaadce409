import t from 'tap'
import type { Stat } from '../../../src/serve/haproxy/stat.ts'
import { unverifiedServers } from '../../../src/serve/haproxy/servers.ts'

/** `workerhttp/w1 UP`, of a server that was checked; `workerhttp/w1 UP?` of one that was not. */
function stats(...texts: readonly string[]): Stat[] {
  return texts.map((text) => {
    const [, backend = '', server = '', status = '', mark] = /^(\w+)\/(\w+) (\w+)(\?)?$/.exec(text)!
    return { backend, server, status, isTested: mark === undefined, seconds: 0, connections: 0, reason: '' }
  })
}

const cases = [
  {
    name: 'infra nodes that are new, while workers serve',
    before: ['workerhttp/w1 UP', 'workerhttp/w2 UP'],
    after: ['workerhttp/i1 UP?', 'workerhttp/i2 UP?', 'workerhttp/w1 UP?', 'workerhttp/w2 UP?'],
    expected: ['workerhttp/i1', 'workerhttp/i2'],
  },
  {
    name: 'a master that was down before the reload',
    before: ['kubeapi/m1 UP', 'kubeapi/m2 DOWN', 'kubeapi/m3 UP'],
    after: ['kubeapi/m1 UP?', 'kubeapi/m2 UP?', 'kubeapi/m3 UP?'],
    expected: ['kubeapi/m2'],
  },
  {
    name: 'one that was taken out and is put back by a reload',
    before: ['kubeapi/m1 UP', 'kubeapi/m2 MAINT'],
    after: ['kubeapi/m1 UP?', 'kubeapi/m2 UP?'],
    expected: ['kubeapi/m2'],
  },
  {
    name: 'none without a reload: HAProxy checks an enabled server at once',
    before: ['kubeapi/m1 UP', 'kubeapi/m2 MAINT'],
    after: ['kubeapi/m1 UP', 'kubeapi/m2 UP?'],
    expected: [],
  },
  {
    name: 'one that has been checked meanwhile is known, as is one that is told to be down already',
    before: ['kubeapi/m1 UP', 'kubeapi/m2 DOWN', 'kubeapi/m3 DOWN'],
    after: ['kubeapi/m1 UP?', 'kubeapi/m2 UP', 'kubeapi/m3 DOWN?'],
    expected: [],
  },
  {
    name: 'none where no server was up before: any server is better than none',
    before: ['kubeapi/m1 DOWN', 'workerhttp/w1 UP'],
    after: ['kubeapi/m1 UP?', 'kubeapi/m2 UP?', 'workerhttp/w1 UP?'],
    expected: [],
  },
  {
    name: 'none where the servers that were up are removed or drained',
    before: ['workerhttp/w1 UP', 'workerhttp/w2 UP'],
    after: ['workerhttp/w1 MAINT', 'workerhttp/i1 UP?'],
    expected: [],
  },
  {
    name: 'none of other back ends',
    before: ['theirs/a UP', 'theirs/b DOWN'],
    after: ['theirs/a UP?', 'theirs/b UP?'],
    expected: [],
  },
] as const

function namesOf(before: readonly string[], after: readonly string[], isReloaded: boolean): string[] {
  const own = new Set(['kubeapi', 'workerhttp'])
  const found = unverifiedServers(stats(...before), stats(...after), own, isReloaded)
  return found.map(({ backend, server }) => `${backend}/${server}`)
}

t.test('a reload must be known when all known servers are checked already', (t) => {
  const before = ['kubeapi/m1 UP', 'kubeapi/m2 UP']
  const after = ['kubeapi/m1 UP', 'kubeapi/m4 UP?']
  t.same(namesOf(before, after, true), ['kubeapi/m4'])
  t.same(namesOf(before, after, false), [], 'it may have been put back by telling')
  t.end()
})

for (const { name, before, after, expected } of cases) {
  t.test(name, (t) => {
    t.same(namesOf(before, after, false), expected)
    t.end()
  })
}
