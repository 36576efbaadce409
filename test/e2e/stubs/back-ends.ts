/**
 * Backends of the load balancer. Runs in a namespace as `node back-ends.ts KEY CERTIFICATE NAME:ROLE:ADDRESS…`. Masters
 * listen on 6443 and 22623 (TLS), workers on 80, 443 (TLS), and 1936. Each response is the name of the machine and the
 * port, so that a client sees which server it reached.
 */
import { readFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'

const [keyFile = '', certificateFile = '', ...machines] = process.argv.slice(2)
const tls = { key: readFileSync(keyFile), cert: readFileSync(certificateFile) }

const respond =
  (name: string): RequestListener =>
  (request, response) => {
    response.setHeader('connection', 'close')
    response.end(`${name} ${request.socket.localPort ?? 0}\n`)
  }

for (const machine of machines) {
  const [name = '', role = '', address = ''] = machine.split(':')
  const [plain, encrypted] = role === 'master' ? [[], [6443, 22623]] : [[80, 1936], [443]]
  for (const port of plain) createServer(respond(name)).listen(port, address)
  for (const port of encrypted) createTlsServer(tls, respond(name)).listen(port, address)
}
