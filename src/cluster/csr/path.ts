/** Where an API server has its certificate requests. */
export const csrsPath = '/apis/certificates.k8s.io/v1/certificatesigningrequests'
