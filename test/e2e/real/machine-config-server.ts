/**
 * A stand-in for the machine config server. Runs as `node machine-config-server.ts CERTIFICATES KUBECONFIG API`. Like the
 * real one, it serves `/config/POOL` to clients that accept Ignition configs of version 3, and requires no client
 * certificate. It writes a line for each request. A control-plane node gets no API server of its own: its ports 6443 and
 * 22623 lead to the host `API`.
 */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'

const [certificates = '', bootstrap = '', api = ''] = process.argv.slice(2)

type Entry = {
  readonly path: string
  readonly mode: number
  readonly overwrite: boolean
  readonly contents: object
}

function file(path: string, content: string | Buffer, mode = 0o644): Entry {
  const source = `data:;base64,${Buffer.from(content).toString('base64')}`
  return { path, mode, overwrite: true, contents: { source } }
}

const kubeletConfiguration = `\
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
serverTLSBootstrap: true
rotateCertificates: true
cgroupDriver: cgroupfs
failSwapOn: false
authentication: {x509: {clientCAFile: /etc/kubernetes/ca.crt}}
`

const kubeletUnit = `\
[Unit]
Wants=network-online.target
After=network-online.target containerd.service
Requires=containerd.service

[Service]
ExecStart=/usr/bin/kubelet --config /etc/kubernetes/kubelet.conf --bootstrap-kubeconfig /etc/kubernetes/kubeconfig \\
  --kubeconfig /var/lib/kubelet/kubeconfig
Restart=always
RestartSec=5
StandardOutput=journal+console
StandardError=journal+console

[Install]
WantedBy=multi-user.target
`

function forwardingUnits(port: number): object[] {
  return [
    {
      name: `control-plane-${port}.socket`,
      enabled: true,
      contents: `[Socket]\nListenStream=0.0.0.0:${port}\n\n[Install]\nWantedBy=sockets.target\n`,
    },
    {
      name: `control-plane-${port}.service`,
      contents: `[Service]\nExecStart=/lib/systemd/systemd-socket-proxyd ${api}:${port}\n`,
    },
  ]
}

function configOf(pool: string): string {
  const network = { cniVersion: '0.4.0', name: 'loopback', plugins: [{ type: 'loopback' }] }
  return JSON.stringify({
    ignition: { version: '3.2.0' },
    storage: {
      files: [
        file('/etc/kubernetes/kubeconfig', readFileSync(bootstrap), 0o600),
        file('/etc/kubernetes/kubelet.conf', kubeletConfiguration),
        file('/etc/kubernetes/ca.crt', readFileSync(`${certificates}/ca.crt`)),
        file('/etc/cni/net.d/10-loopback.conflist', JSON.stringify(network)),
      ],
    },
    systemd: {
      units: [
        { name: 'kubelet.service', enabled: true, contents: kubeletUnit },
        { name: 'containerd.service', enabled: true },
        ...(pool === 'master' ? [...forwardingUnits(6443), ...forwardingUnits(22623)] : []),
      ],
    },
  })
}

const accepted = /application\/vnd\.coreos\.ignition\+json;\s*version=3\./

const tls = { key: readFileSync(`${certificates}/mcs.key`), cert: readFileSync(`${certificates}/mcs.crt`) }
createServer(tls, (request, response) => {
  const { url = '', headers, method, socket } = request
  const accept = headers.accept ?? ''
  const [, pool] = /^\/config\/(master|worker)$/.exec(url) ?? []
  const status = url === '/healthz' ? 200 : pool === undefined ? 404 : accepted.test(accept) ? 200 : 400
  const [from, agent] = [socket.remoteAddress ?? '', headers['user-agent'] ?? '']
  console.log(JSON.stringify({ time: new Date().toISOString(), from, method, url, accept, agent, status }))
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(status === 200 && pool !== undefined ? configOf(pool) : '')
}).listen(22623, '0.0.0.0')
