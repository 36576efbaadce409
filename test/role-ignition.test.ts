/** Whose Ignition file a master or a worker is given: the one on the disk, or the running cluster's. */
import t from 'tap'
import { ApiProblem } from '../src/cluster/connection/errors.ts'
import type { ClusterApi } from '../src/cluster/connection/client.ts'
import { createLog } from '../src/host/log.ts'
import type { IgnitionFile } from '../src/plan/http.ts'
import type { IgnitionRead } from '../src/plan/ignition/document.ts'
import { createRoleIgnition } from '../src/role-ignition.ts'
import { declaredCluster } from './support/cluster.ts'
import { fakeClock } from './support/fake-clock.ts'
import { certificate, dataUrl, ignitionText } from './support/ignition.ts'

const pointer = (more: object = {}, host = 'api-int.c1.example.net') =>
  JSON.stringify({
    ignition: {
      version: '3.4.0',
      config: { merge: [{ source: `https://${host}:22623/config/worker` }] },
      security: { tls: { certificateAuthorities: [{ source: dataUrl(certificate('root-ca')) }] } },
    },
    ...more,
  })
const ofInstaller = pointer()
const ofCluster = pointer({ storage: {}, passwd: {} })
const ofOperator = pointer({ storage: { files: [{ path: '/etc/motd' }] } })

const secretPath = (role = 'worker') =>
  `/api/v1/namespaces/openshift-machine-api/secrets/${role}-user-data-managed`
const secret = (text: string) => ({ data: { userData: Buffer.from(text).toString('base64') } })
const gone = new ApiProblem(404, 'NotFound', 'secrets "worker-user-data-managed" not found')

type Answer = object | Error | 'silence'

/** A cluster that answers what the test says, and a worker.ign on the disk. */
function world(given: { answer?: Answer; onDisk?: string; file?: Partial<IgnitionFile> } = {}) {
  const lines: Record<string, unknown>[] = []
  const clock = fakeClock(Date.UTC(2026, 10, 21, 12))
  const state = { answer: given.answer ?? gone, onDisk: given.onDisk, asked: [] as string[], closed: 0 }
  const file: IgnitionFile = { file: '/srv/worker.ign', node: 'c1/w1', kind: 'worker', ...given.file }
  const cluster = declaredCluster()
  const api: Pick<ClusterApi, 'get'> = {
    get<T>(path: string, signal?: AbortSignal): Promise<T> {
      state.asked.push(path)
      const { answer } = state
      if (answer instanceof Error) return Promise.reject(answer)
      if (answer !== 'silence') return Promise.resolve(answer as T)
      return new Promise((_resolve, reject) =>
        signal?.addEventListener('abort', () => reject(new Error('api: it was aborted'))),
      )
    },
  }
  const ignition = createRoleIgnition({
    ...{ clock, clusters: [cluster], ignition: () => new Map([['/boot/c1/w1/worker.ign', file]]) },
    files: { read: (path) => Promise.resolve(onDisk(path, state.onDisk)) },
    connect: () => ({ ...(api as ClusterApi), close: () => (state.closed += 1) }),
    log: createLog('debug', { write: (line) => void lines.push(JSON.parse(line) as (typeof lines)[number]) }),
  })
  const read = async (path = '/srv/worker.ign') => {
    const found = await ignition.read(path)
    return found.kind === 'read' ? Buffer.from(found.document.octets).toString() : found.problem
  }
  const said = () =>
    lines.splice(0).map(({ level, msg, reason }) => [level, msg, reason].filter(Boolean).join(': '))
  return { ignition, state, clock, read, said, cluster }
}

function onDisk(path: string, text: string | undefined): IgnitionRead {
  if (text === undefined) return { kind: 'unreadable', problem: `${path} does not exist` }
  const document = { path, octets: Buffer.from(text), certificates: [], version: '3.4.0', unread: 0 }
  return { kind: 'read', document }
}

t.test('a running cluster has the pointer of today, and it is given in place of an older one', async (t) => {
  const { read, said, state } = world({ answer: secret(ofCluster), onDisk: ofInstaller })
  t.equal(await read(), ofCluster)
  t.equal(await read(), ofCluster)
  t.same(said(), ["info: the cluster's own Ignition file is given in its place"], 'said once')
  t.same(state.asked, [secretPath()])
})

t.test('a file that says more than a pointer is the operator’s own, and stays', async (t) => {
  const { read, said } = world({ answer: secret(ofCluster), onDisk: ofOperator })
  t.equal(await read(), ofOperator)
  t.same(said(), [])
})

t.test('the same file is nothing to speak of', async (t) => {
  const { read, said } = world({ answer: secret(ofInstaller), onDisk: ofInstaller })
  t.equal(await read(), ofInstaller)
  t.same(said(), [])
})

t.test('while the cluster is installed it has none, and the file is given', async (t) => {
  for (const answer of [gone, new Error('api: the connection is refused')]) {
    const { read, said } = world({ answer, onDisk: ofInstaller })
    t.equal(await read(), ofInstaller)
    t.same(said(), [])
  }
})

t.test('a file that is not there any more, or is broken, is replaced too', async (t) => {
  t.equal(await world({ answer: secret(ofCluster) }).read(), ofCluster)
  t.equal(await world().read(), '/srv/worker.ign does not exist')
})

t.test('a file that the site never had is asked for, and its lack has a reason', async (t) => {
  const file = { file: 'worker-user-data-managed of c1', isAsked: true } as const
  const asked = (answer: Answer) => world({ answer, file, onDisk: ofInstaller }).read(file.file)
  t.equal(await asked(secret(ofCluster)), ofCluster)
  t.equal(await asked(gone), 'the cluster c1 gives no worker.ign: it has no secret worker-user-data-managed')
  const forbidden = new ApiProblem(403, 'Forbidden', 'secrets is forbidden (403 Forbidden)')
  t.equal(await asked(forbidden), 'the cluster c1 gives no worker.ign: secrets is forbidden (403 Forbidden)')
  for (const data of [undefined, {}, { userData: 7 }, { userData: '' }, { userData: '{"a":1}' }]) {
    t.equal(
      await asked({ data }),
      'the cluster c1 gives no worker.ign: its secret worker-user-data-managed holds no userData',
    )
  }
})

t.test('a file of the cluster that leads elsewhere is not given, which is said once', async (t) => {
  const wrong = secret(pointer({}, 'api-int.c2.example.net'))
  const { read, said, state, clock } = world({ answer: wrong, onDisk: ofInstaller })
  t.equal(await read(), ofInstaller)
  clock.advance(10_000)
  t.equal(await read(), ofInstaller)
  t.equal(state.asked.length, 2)
  t.same(said(), [
    'error: Ignition file of the cluster is not given: its secret worker-user-data-managed leads to "https://api-int.c2.example.net:22623/config/worker", expected https://api-int.c1.example.net:22623/config/…',
  ])
  state.answer = secret(ignitionText({}, '9.9.9'))
  clock.advance(10_000)
  await read()
  t.match(said(), [/is Ignition "9\.9\.9", only 3\.1 to 3\.5 are known$/])
})

t.test('it is asked again after a minute, sooner after a failure, and once for a rack', async (t) => {
  const { read, state, clock } = world({ answer: secret(ofCluster), onDisk: ofInstaller })
  await Promise.all([read(), read(), read()])
  t.equal(state.asked.length, 1)
  clock.advance(59_999)
  await read()
  t.equal(state.asked.length, 1)
  const newer = pointer({ systemd: {} })
  state.answer = secret(newer)
  clock.advance(1)
  t.equal(await read(), newer)
  state.answer = new Error('api: the connection was cut')
  clock.advance(60_000)
  t.equal(await read(), newer, 'who was heard once has nothing new')
  clock.advance(60_000)
  state.answer = gone
  t.equal(await read(), ofInstaller, 'a cluster that says that it has none has none')
  clock.advance(9_999)
  await read()
  t.equal(state.asked.length, 4)
  clock.advance(1)
  await read()
  t.equal(state.asked.length, 5)
})

t.test('a cluster that does not answer holds a node up for three seconds at the most', async (t) => {
  const file = { file: 'worker-user-data-managed of c1', isAsked: true } as const
  const { read, clock } = world({ answer: 'silence', file })
  const reading = read(file.file)
  clock.advance(3000)
  t.equal(await reading, 'the cluster c1 gives no worker.ign: its API does not answer within 3 s')
  t.equal(clock.pending(), 0)
})

t.test(
  'masters are asked for under their own name; bootstraps, and what nobody declared, are not',
  async (t) => {
    const master = world({ answer: secret(ofCluster), file: { kind: 'master' } })
    t.equal(await master.read(), ofCluster)
    t.same(master.state.asked, [secretPath('master')])
    const bootstrap = world({ answer: secret(ofCluster), file: { kind: 'bootstrap' }, onDisk: ofInstaller })
    t.equal(await bootstrap.read(), ofInstaller)
    t.equal(await bootstrap.read('/srv/other.ign'), ofInstaller)
    t.same(bootstrap.state.asked, [])
  },
)

t.test('a reload takes over the clusters of the site, and closing ends what is under way', async (t) => {
  const { ignition, read, state, cluster, clock } = world({ answer: 'silence', onDisk: ofInstaller })
  const reading = read()
  const without = { ...cluster }
  Reflect.deleteProperty(without, 'ignition')
  ignition.swap([without])
  t.equal(await reading, ofInstaller)
  t.equal(state.closed, 1)
  t.equal(await read(), ofInstaller)
  t.equal(state.asked.length, 1, 'a cluster without a kubeconfig is not asked')
  ignition.swap([cluster])
  state.answer = secret(ofCluster)
  t.equal(await read(), ofCluster)
  ignition.close()
  t.equal(state.closed, 2)
  t.equal(await read(), ofInstaller)
  t.equal(clock.pending(), 0)
})
