/**
 * The control plane: Debian's etcd, and the kube-apiserver and kube-controller-manager of Kubernetes on a host of their own.
 * Its controller manager signs certificates and, like that of OpenShift, approves only renewals of client certificates.
 * Until the bootstrap is complete, the host also has the address of the bootstrap node, so that it is a stand-in for it.
 */
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run, output, type Running, type RunOptions } from '../process.ts'
import { waitUntil } from '../checks/client.ts'
import { source } from './cache.ts'
import { openshiftCrds } from './crds.ts'
import { certificateUser, createCertificates, kubeconfig, type Authority } from './certificates.ts'
import type { Kubernetes } from './kubernetes.ts'
import { addresses, domain, nodes, type RealNetwork, type RealNamespace } from './network.ts'

export type ControlPlane = {
  /** Directory with the certificates. */
  readonly dir: string
  readonly authority: Authority
  /** Returns the command line of kubectl as system:admin. */
  readonly kubectlCommand: (args: readonly string[]) => string[]
  /** Runs kubectl as system:admin and returns its output. @throws {Error} if it fails */
  readonly kubectl: (...args: string[]) => Promise<string>
  /** Applies objects, each as an object or as YAML text. */
  apply(...objects: (object | string)[]): Promise<void>
  /** Returns a kubeconfig with a token of a service account. */
  readonly tokenKubeconfig: (host: string, namespace: string, account: string) => Promise<string>
  startApi(): Promise<void>
  /** Stops the API server, or kills it. */
  stopApi(signal?: NodeJS.Signals): Promise<void>
  /** Starts the controller manager. @param lifetime of the certificates that it signs, for example `10m` */
  startManager(lifetime?: string): void
  stopManager(): Promise<void>
  /** Replaces the data of etcd by a snapshot; the API server must be stopped. */
  restoreEtcd(snapshot: string): Promise<void>
  saveEtcd(snapshot: string): Promise<void>
}

type Start = (namespace: RealNamespace, name: string, command: readonly string[]) => Running

/** @param start starts a command in the background with a log */
export async function createControlPlane(
  dir: string,
  kubernetes: Kubernetes,
  { network, start }: { readonly network: RealNetwork; readonly start: Start },
): Promise<ControlPlane> {
  const certificates = join(dir, 'certificates')
  const authority = await createCertificates(certificates)
  const at = (name: string): string => join(certificates, name)
  const inside = (...command: string[]): string[] => network.inside('control', ...command)
  // On the loopback interface, so that they work with the certificate of any CA.
  const adminConfig = at('local.kubeconfig')
  await writeFile(
    adminConfig,
    await kubeconfig('127.0.0.1', undefined, await certificateUser(certificates, 'admin')),
  )
  const managerConfig = at('kcm.kubeconfig')
  await writeFile(
    managerConfig,
    await kubeconfig('127.0.0.1', undefined, await certificateUser(certificates, 'kcm')),
  )
  const kubectlCommand = (args: readonly string[]): string[] =>
    inside(kubernetes.kubectl, '--kubeconfig', adminConfig, '--request-timeout', '20s', ...args)
  const kubectl = (...args: string[]): Promise<string> => output(kubectlCommand(args), { limitMs: 60_000 })
  const isReady = async (): Promise<boolean> =>
    (await run(kubectlCommand(['get', '--raw', '/readyz']))).status === 0

  const etcdData = join(dir, 'etcd')
  const startEtcd = (): Running => {
    const [client, peer] = ['http://127.0.0.1:2379', 'http://127.0.0.1:2380']
    const clients = ['--listen-client-urls', client, '--advertise-client-urls', client]
    return start('control', 'etcd', ['etcd', '--data-dir', etcdData, ...clients, '--listen-peer-urls', peer])
  }
  let etcd = startEtcd()
  let api: Running | undefined
  let manager: Running | undefined
  const etcdctl = (args: readonly string[], options?: RunOptions): Promise<string> =>
    output(inside('env', 'ETCDCTL_API=3', 'etcdctl', ...args), options)

  const self: ControlPlane = {
    dir: certificates,
    authority,
    kubectlCommand,
    kubectl,
    async apply(...objects) {
      const text = objects
        .map((each) => (typeof each === 'string' ? each : JSON.stringify(each)))
        .join('\n---\n')
      await output(kubectlCommand(['apply', '--server-side', '--force-conflicts', '-f', '-']), {
        input: text,
        limitMs: 60_000,
      })
    },
    async tokenKubeconfig(host, namespace, account) {
      const token = await kubectl('-n', namespace, 'create', 'token', account, '--duration', '24h')
      return kubeconfig(host, authority.certificate, { token: token.trim() })
    },
    async startApi() {
      api = start('control', 'kube-apiserver', [
        ...[kubernetes.apiServer, '--etcd-servers', 'http://127.0.0.1:2379'],
        ...['--client-ca-file', at('ca.crt'), '--tls-cert-file', at('apiserver.crt')],
        ...['--tls-private-key-file', at('apiserver.key'), '--service-account-key-file', at('sa.pub')],
        ...['--service-account-signing-key-file', at('sa.key')],
        ...['--service-account-issuer', 'https://kubernetes.default.svc'],
        ...['--authorization-mode', 'Node,RBAC', '--enable-admission-plugins', 'NodeRestriction'],
        ...['--service-cluster-ip-range', '10.0.0.0/24', '--bind-address', '0.0.0.0'],
        ...['--advertise-address', addresses.control, '--kubelet-client-certificate', at('admin.crt')],
        ...['--kubelet-client-key', at('admin.key')],
      ])
      await waitUntil('the API server to be ready', isReady, 120_000)
    },
    async stopApi(signal) {
      if (signal !== undefined) api?.signal(signal)
      await api?.stop()
    },
    startManager(lifetime = '720h') {
      manager = start('control', 'kube-controller-manager', [
        ...[kubernetes.controllerManager, '--kubeconfig', managerConfig, '--leader-elect=false'],
        ...['--cluster-signing-cert-file', at('ca.crt'), '--cluster-signing-key-file', at('ca.key')],
        ...['--root-ca-file', at('ca.crt'), '--service-account-private-key-file', at('sa.key')],
        ...['--use-service-account-credentials', '--cluster-signing-duration', lifetime],
        '--controllers=*,-cloud-node-lifecycle-controller',
      ])
    },
    stopManager: async () => manager?.stop(),
    async saveEtcd(snapshot) {
      await etcdctl(['snapshot', 'save', snapshot], { limitMs: 60_000 })
    },
    async restoreEtcd(snapshot) {
      await etcd.stop()
      await rm(etcdData, { recursive: true })
      await etcdctl(['snapshot', 'restore', snapshot, '--data-dir', etcdData], { limitMs: 60_000 })
      etcd = startEtcd()
    },
  }
  await self.startApi()
  self.startManager()
  await self.apply(await openshiftCrds())
  await self.apply(await readFile(source('objects.yaml'), 'utf8'))
  return self
}

/** Serves machine configs on port 22623 of the addresses of the control plane until the process is stopped. */
export async function startMachineConfigServer(
  { dir, tokenKubeconfig }: ControlPlane,
  start: Start,
): Promise<Running> {
  const bootstrap = join(dir, 'bootstrap.kubeconfig')
  const account = ['openshift-machine-config-operator', 'node-bootstrapper'] as const
  await writeFile(bootstrap, await tokenKubeconfig(`api-int.${domain}`, ...account))
  return start('control', 'machine-config-server', [
    ...[process.execPath, source('machine-config-server.ts'), dir, bootstrap, addresses.control],
  ])
}

/** Removes the address of the bootstrap node from the host of the control plane. */
export async function removeBootstrap(network: RealNetwork): Promise<void> {
  await network.ip('control', `addr del ${nodes.bs.address}/24 dev ctl0`)
}
