/** The first script of an iPXE that may trust the CA of this server, and the one that is built into it (docs/https.md). */
import type { ScriptAuthor } from '../boot/console.ts'
import { httpsBase } from '../tls.ts'
import type { Endpoint } from '../model.ts'
import { urlPaths } from '../urls.ts'
import { argument, print, script, waitAndRetry } from './script.ts'

const retrySeconds = 5

/**
 * Renders the script that continues over HTTPS, and over HTTP in an iPXE without HTTPS, or without trust in the CA. It
 * contains no secret.
 *
 * @param secureUrl of the script over HTTPS
 */
export function renderSecureFirst(node: ScriptAuthor & { readonly url: string }, secureUrl: string): string {
  const { pathname, search } = new URL(secureUrl)
  const plain = new URL(pathname, node.url)
  plain.search = search === '' ? '?plain' : `${search}&plain`
  return script(`${node.key}: continues over HTTPS if this iPXE trusts the server`, [
    // Otherwise an iPXE that trusts only other CAs would look for a cross-signed certificate on the Internet.
    'set crosscert none:',
    `chain --replace --autofree ${argument(secureUrl)} ||`,
    ...print(node, 'this iPXE cannot verify the server, so it continues over HTTP'),
    `chain --replace --autofree ${argument(plain.href)} ||`,
    ...waitAndRetry(argument(node.url), retrySeconds),
  ])
}

/** Renders the script that is built into an iPXE with the CA, or that iPXE requests beside itself (`autoexec.ipxe`). It uses nothing of the reply of DHCP but the addresses. */
export function renderEmbedded(endpoint: Endpoint): string {
  const url = argument(httpsBase(endpoint) + urlPaths.ownScript)
  return script('boots from slipway over HTTPS', [
    ':start',
    'ifconf || goto failed',
    `chain --replace --autofree ${url} ||`,
    ':failed',
    `prompt --key 0x02 --timeout ${retrySeconds * 1000} Ctrl-B for the iPXE shell, or wait ${retrySeconds} s && shell ||`,
    'goto start',
  ])
}
