/**
 * The checks of a load balancer, made from here: whether a master answers on 6443 and 22623. Certificates are
 * not verified, as HAProxy does not (`check-ssl verify none`): nothing is told to them and nothing believed.
 */
import { Agent, get } from 'node:https'

export type Probe = (url: string) => Promise<boolean>

const timeoutMs = 5000
const agent = new Agent({ rejectUnauthorized: false, keepAlive: false })

/** Whether the URL is answered with 200 within five seconds. Never rejects. */
export const probe: Probe = (url) =>
  new Promise((resolve) => {
    const request = get(url, { agent, timeout: timeoutMs }, (response) => {
      response.resume()
      response.once('error', () => resolve(false))
      resolve(response.statusCode === 200)
    })
    request.once('timeout', () => void request.destroy(new Error('timeout')))
    request.once('error', () => resolve(false))
  })
