/** Three members of etcd with TLS and client certificates, on loopback. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { output, start, type Running } from '../e2e/process.ts'
import type { Ports } from './ports.ts'

export type Member = {
  readonly name: string
  /** Starts it again after it was killed. */
  start(): void
  process(): Running
}

export type EtcdCluster = {
  readonly members: readonly Member[]
  /** The section `store.etcd` of a site file. */
  readonly site: object
}

/** @param dir for certificates, data, and logs */
export async function startEtcd(dir: string, ports: Ports): Promise<EtcdCluster> {
  const tls = await createCertificates(join(dir, 'tls'))
  const specs = await Promise.all(
    ['etcd1', 'etcd2', 'etcd3'].map(async (name) => ({
      name,
      client: `https://127.0.0.1:${await ports.next()}`,
      peer: `https://127.0.0.1:${await ports.next()}`,
    })),
  )
  const initial = specs.map(({ name, peer }) => `${name}=${peer}`).join(',')
  const members = specs.map(({ name, client, peer }): Member => {
    const command = [
      ...['etcd', '--name', name, '--data-dir', join(dir, name), '--logger', 'zap', '--log-level', 'error'],
      ...['--listen-client-urls', client, '--advertise-client-urls', client],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
      ...[
        '--initial-cluster',
        initial,
        '--initial-cluster-state',
        'new',
        '--initial-cluster-token',
        'schedules',
      ],
      ...['--client-cert-auth', '--trusted-ca-file', tls.ca, '--cert-file', tls.cert, '--key-file', tls.key],
      ...['--peer-client-cert-auth', '--peer-trusted-ca-file', tls.ca],
      ...['--peer-cert-file', tls.cert, '--peer-key-file', tls.key],
      ...['--heartbeat-interval', '100', '--election-timeout', '1000'],
    ]
    const startOne = (): Running => start(command, { logFile: join(dir, `${name}.log`) })
    let running = startOne()
    return { name, start: () => void (running = startOne()), process: () => running }
  })
  const site = { endpoints: specs.map(({ client }) => client), ca: tls.ca, cert: tls.cert, key: tls.key }
  return {
    members,
    site,
  }
}

/** Creates a CA and one certificate, for the members and their clients. */
async function createCertificates(dir: string) {
  await mkdir(dir, { recursive: true })
  const [ca, caKey, cert, key, request, extensions] = [
    'ca.crt',
    'ca.key',
    'etcd.crt',
    'etcd.key',
    'etcd.csr',
    'san',
  ].map((name) => join(dir, name)) as [string, string, string, string, string, string]
  const elliptic = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  await output([
    'openssl',
    'req',
    '-x509',
    ...elliptic,
    '-days',
    '2',
    '-subj',
    '/CN=schedules',
    '-keyout',
    caKey,
    '-out',
    ca,
  ])
  await output(['openssl', 'req', ...elliptic, '-subj', '/CN=etcd', '-keyout', key, '-out', request])
  await writeFile(extensions, 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n')
  const signing = ['-CA', ca, '-CAkey', caKey, '-CAcreateserial', '-days', '2', '-extfile', extensions]
  await output(['openssl', 'x509', '-req', '-in', request, ...signing, '-out', cert])
  return { ca, cert, key }
}
