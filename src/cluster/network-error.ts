/** What an error of the system or of TLS means for somebody who waits for a cluster. Pure. */

export function explainNetworkError(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ECONNREFUSED':
      return 'the connection is refused, nothing listens there yet'
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'its name cannot be resolved on this machine'
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'there is no way to it'
    case 'ETIMEDOUT':
      return 'it does not answer'
    case 'ECONNRESET':
    case 'EPIPE':
      return 'the connection was cut'
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'CERT_SIGNATURE_FAILURE':
      return "its certificate is not the kubeconfig's authority's: the kubeconfig is of another installation"
    case 'CERT_HAS_EXPIRED':
      return 'its certificate has ended'
    case 'CERT_NOT_YET_VALID':
      return "its certificate does not count yet; compare this machine's clock"
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return 'its certificate is for other names'
    default:
      return error.message
  }
}
