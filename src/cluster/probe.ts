/**
 * Makes the health checks of a load balancer: whether a master answers on 6443 and 22623. Like HAProxy's checks
 * (`check-ssl verify none`) they do not verify certificates: the request and the response hold no data.
 */
import { Agent, get } from 'node:https'

export type Probe = (url: string) => Promise<boolean>

const timeoutMs = 5000
const agent = new Agent({ rejectUnauthorized: false, keepAlive: false })

/** Resolves with whether the response is 200 within 5 s. Never rejects. */
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
