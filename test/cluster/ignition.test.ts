/** Which Ignition file a master or a worker receives: the one on disk, or that of the running cluster. */
import t from 'tap'
import { ApiProblem } from '../../src/cluster/connection/errors.ts'
import type { ClusterSession } from '../../src/cluster/session.ts'
import { checkProvidedFile } from '../../src/scan/ignition/files.ts'
import { createLog } from '../../src/host/log.ts'
import type { IgnitionFile } from '../../src/plan/http/plan.ts'
import type { IgnitionRead } from '../../src/plan/ignition/document.ts'
import { createRoleIgnition } from '../../src/cluster/ignition.ts'
import { declaredCluster } from '../support/cluster.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { certificate, dataUrl, ignitionText } from '../support/ignition.ts'

const pointer = (more: object = {}, host = 'api-int.c1.example.net') =>
  JSON.stringify({
    ignition: {
      version: '3.4.0',
      config: { merge: [{ source: `https://${host}:22623/config/worker` }] },
      security: { tls: { certificateAuthorities: [{ source: dataUrl(certificate('root-ca')) }] } },
    },
    ...more,
  })
const installerFile = pointer()
const clusterFile = pointer({ storage: {}, passwd: {} })
const ownFile = pointer({ storage: { files: [{ path: '/etc/motd' }] } })

const secretPath = (role = 'worker') =>
  `/api/v1/namespaces/openshift-machine-api/secrets/${role}-user-data-managed`
const secret = (text: string) => ({ data: { userData: Buffer.from(text).toString('base64') } })
const gone = new ApiProblem(404, 'NotFound', 'secrets "worker-user-data-managed" not found')

type Answer = object | Error | 'no response'

/** A cluster that gives the answer of the test, and a worker.ign on disk. */
function ignitionRig(given: { answer?: Answer; onDisk?: string; file?: Partial<IgnitionFile> } = {}) {
  const lines: Record<string, unknown>[] = []
  const clock = fakeClock(Date.UTC(2026, 10, 21, 12))
  const file: IgnitionFile = { file: '/srv/worker.ign', node: 'c1/w1', kind: 'worker', ...given.file }
  const state = {
    answer: given.answer ?? gone,
    onDisk: given.onDisk,
    requests: [] as string[],
    declared: new Map([['/boot/c1/w1/worker.ign', file]]),
  }
  const cluster = declaredCluster()
  const session = {
    kubeconfigPath: '/kubeconfig' as string | undefined,
    get<T>(path: string, signal?: AbortSignal): Promise<T> {
      state.requests.push(path)
      const { answer } = state
      if (answer instanceof Error) return Promise.reject(answer)
      if (answer !== 'no response') return Promise.resolve(answer as T)
      return new Promise((_resolve, reject) =>
        signal?.addEventListener('abort', () => reject(new Error('api: aborted'))),
      )
    },
  }
  const ignition = createRoleIgnition({
    clock,
    clusters: [cluster],
    ignition: () => state.declared,
    files: { read: (path) => Promise.resolve(onDisk(path, state.onDisk)) },
    sessions: { get: (name) => (name === 'c1' ? (session as unknown as ClusterSession) : undefined) },
    checkProvidedFile,
    log: createLog('debug', { write: (line) => void lines.push(JSON.parse(line) as (typeof lines)[number]) }),
  })
  const read = async (path = '/srv/worker.ign') => {
    const found = await ignition.read(path)
    return found.kind === 'read' ? Buffer.from(found.document.octets).toString() : found.problem
  }
  const logged = () =>
    lines.splice(0).map(({ level, msg, reason }) => [level, msg, reason].filter(Boolean).join(': '))
  return { ignition, state, clock, read, logged, cluster, session }
}

function onDisk(path: string, text: string | undefined): IgnitionRead {
  if (text === undefined) return { kind: 'unreadable', problem: `${path} does not exist` }
  const document = { path, octets: Buffer.from(text), certificates: [], version: '3.4.0', unread: 0 }
  return { kind: 'read', document }
}

t.test("a running cluster's current pointer replaces an older one", async (t) => {
  const { read, logged, state } = ignitionRig({ answer: secret(clusterFile), onDisk: installerFile })
  t.equal(await read(), clusterFile)
  t.equal(await read(), clusterFile)
  t.same(logged(), ["info: using the cluster's own Ignition file"], 'logged once')
  t.same(state.requests, [secretPath()])
})

t.test('uses a file that is more than a pointer: an administrator wrote it', async (t) => {
  const { read, logged } = ignitionRig({ answer: secret(clusterFile), onDisk: ownFile })
  t.equal(await read(), ownFile)
  t.same(logged(), [])
})

t.test(
  'uses a pointer to another pool or server, or with more fields: an administrator wrote it',
  async (t) => {
    const merging = (...merge: object[]) =>
      JSON.stringify({ ignition: { version: '3.4.0', config: { merge } } })
    const server = 'https://api-int.c1.example.net:22623'
    const source = `${server}/config/worker`
    for (const own of [
      merging({ source: `${server}/config/edge` }),
      merging({ source, httpHeaders: [{ name: 'Authorization', value: 'Bearer x' }] }),
      merging({ source, verification: { hash: 'sha512-00' } }),
      merging({ source, compression: 'gzip' }),
      merging({ source: 'https://other.example.net:22623/config/worker' }),
      merging({ source: 'https://api-int.c1.example.net:8443/config/worker' }),
      merging({ source }, { source: `${server}/config/edge` }),
      merging({ source: 'not a URL' }),
      JSON.stringify({ ignition: { version: '3.4.0', config: { replace: { source } } } }),
    ]) {
      const { read, logged } = ignitionRig({ answer: secret(clusterFile), onDisk: own })
      t.equal(await read(), own)
      t.same(logged(), [])
    }
    const empty = merging({ source, verification: {}, httpHeaders: [] })
    t.equal(await ignitionRig({ answer: secret(clusterFile), onDisk: empty }).read(), clusterFile)
  },
)

t.test('does not log the same file', async (t) => {
  const { read, logged } = ignitionRig({ answer: secret(installerFile), onDisk: installerFile })
  t.equal(await read(), installerFile)
  t.same(logged(), [])
})

t.test('uses the file on disk while the cluster is being installed and does not provide one', async (t) => {
  const refused = 'api: connection refused'
  for (const [answer, reason] of [
    [gone, 'it has no secret worker-user-data-managed'],
    [new Error(refused), refused],
  ] as const) {
    const { read, logged } = ignitionRig({ answer, onDisk: installerFile })
    t.equal(await read(), installerFile)
    t.equal(await read(), installerFile)
    t.same(logged(), [`info: using the Ignition file on disk: ${reason}`], 'logged once')
  }
})

t.test('replaces a file that is missing or invalid', async (t) => {
  t.equal(await ignitionRig({ answer: secret(clusterFile) }).read(), clusterFile)
  t.equal(await ignitionRig().read(), '/srv/worker.ign does not exist')
})

t.test('requests a file that is not on disk, and reports why the cluster does not provide it', async (t) => {
  const file = { file: 'worker-user-data-managed of c1', isAsked: true } as const
  const asked = (answer: Answer) => ignitionRig({ answer, file, onDisk: installerFile }).read(file.file)
  t.equal(await asked(secret(clusterFile)), clusterFile)
  t.equal(
    await asked(gone),
    'the cluster c1 provides no worker.ign: it has no secret worker-user-data-managed',
  )
  const forbidden = new ApiProblem(403, 'Forbidden', 'secrets is forbidden (403 Forbidden)')
  t.equal(
    await asked(forbidden),
    'the cluster c1 provides no worker.ign: secrets is forbidden (403 Forbidden)',
  )
  for (const data of [undefined, {}, { userData: 7 }, { userData: '' }, { userData: '{"a":1}' }]) {
    t.equal(
      await asked({ data }),
      'the cluster c1 provides no worker.ign: its secret worker-user-data-managed holds no userData',
    )
  }
})

t.test('does not use a file of the cluster that points elsewhere, and logs that once', async (t) => {
  const wrong = secret(pointer({}, 'api-int.c2.example.net'))
  const { read, logged, state, clock } = ignitionRig({ answer: wrong, onDisk: installerFile })
  t.equal(await read(), installerFile)
  clock.advance(10_000)
  t.equal(await read(), installerFile)
  t.equal(state.requests.length, 2)
  t.same(logged(), [
    'error: cluster\'s own Ignition file not used: its secret worker-user-data-managed points to "https://api-int.c2.example.net:22623/config/worker", expected https://api-int.c1.example.net:22623/config/…',
  ])
  state.answer = secret(ignitionText({}, '9.9.9'))
  clock.advance(10_000)
  await read()
  t.match(logged(), [/has Ignition version "9\.9\.9", but only 2\.x and 3\.x are supported$/])
})

t.test('queries again after one minute, sooner after a failure, and once for many nodes', async (t) => {
  const { read, state, clock } = ignitionRig({ answer: secret(clusterFile), onDisk: installerFile })
  await Promise.all([read(), read(), read()])
  t.equal(state.requests.length, 1)
  clock.advance(59_999)
  await read()
  t.equal(state.requests.length, 1)
  const newer = pointer({ systemd: {} })
  state.answer = secret(newer)
  clock.advance(1)
  t.equal(await read(), newer)
  state.answer = new Error('api: the connection was cut')
  clock.advance(60_000)
  t.equal(await read(), newer, 'keeps the last file')
  clock.advance(60_000)
  state.answer = gone
  t.equal(await read(), installerFile, 'the cluster has none any longer')
  clock.advance(9_999)
  await read()
  t.equal(state.requests.length, 4)
  clock.advance(1)
  await read()
  t.equal(state.requests.length, 5)
})

t.test('a cluster that does not respond delays one boot by 1 s, and later boots not at all', async (t) => {
  const { read, clock, state } = ignitionRig({ answer: 'no response', onDisk: installerFile })
  const reading = read()
  clock.advance(1000)
  t.equal(await reading, installerFile)
  clock.advance(2000)
  await new Promise(setImmediate)
  t.equal(clock.pending(), 0)
  clock.advance(10_000)
  t.equal(await read(), installerFile, 'at once')
  t.equal(state.requests.length, 2, 'while it queries again')
  clock.advance(3000)
  await new Promise(setImmediate)
  state.answer = secret(clusterFile)
  clock.advance(10_000)
  await read()
  await new Promise(setImmediate)
  t.equal(await read(), clusterFile, 'uses the file of the cluster when it responds again')
})

t.test('if the file is not on disk, the reason is that the cluster does not respond', async (t) => {
  const file = { file: 'worker-user-data-managed of c1', isAsked: true } as const
  const { read, clock } = ignitionRig({ answer: 'no response', file })
  const reading = read(file.file)
  clock.advance(1000)
  t.equal(await reading, 'the cluster c1 provides no worker.ign: its API did not respond within 1 s')
})

t.test('requests masters by their own secret, and no bootstraps or undeclared files', async (t) => {
  const master = ignitionRig({ answer: secret(clusterFile), file: { kind: 'master' } })
  t.equal(await master.read(), clusterFile)
  t.same(master.state.requests, [secretPath('master')])
  const bootstrap = ignitionRig({
    answer: secret(clusterFile),
    file: { kind: 'bootstrap' },
    onDisk: installerFile,
  })
  t.equal(await bootstrap.read(), installerFile)
  t.equal(await bootstrap.read('/srv/other.ign'), installerFile)
  t.same(bootstrap.state.requests, [])
})

t.test('a reload applies the clusters of the site, and ends requests', async (t) => {
  const { ignition, read, state, session, cluster, clock } = ignitionRig({
    answer: 'no response',
    onDisk: installerFile,
  })
  const reading = read()
  session.kubeconfigPath = undefined
  ignition.swap([cluster])
  t.equal(await reading, installerFile)
  t.equal(await read(), installerFile)
  t.equal(state.requests.length, 1, 'does not query a cluster without a kubeconfig')
  session.kubeconfigPath = '/kubeconfig'
  ignition.swap([cluster])
  state.answer = secret(clusterFile)
  t.equal(await read(), clusterFile)
  ignition.close()
  t.equal(await read(), installerFile)
  t.equal(clock.pending(), 0)
})

t.test('a reload that gives a file to another role applies to the next boot', async (t) => {
  const { read, state } = ignitionRig({ answer: secret(clusterFile), onDisk: installerFile })
  t.equal(await read(), clusterFile)
  const bootstrap: IgnitionFile = { file: '/srv/worker.ign', node: 'c1/bs', kind: 'bootstrap' }
  state.declared = new Map([['/boot/c1/bs/bootstrap.ign', bootstrap]])
  t.equal(await read(), installerFile)
  state.declared = new Map([...state.declared, ['/boot/c1/w1/worker.ign', { ...bootstrap, kind: 'worker' }]])
  t.equal(await read(), installerFile, 'the first node with the file decides')
})
