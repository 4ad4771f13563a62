/** Sites that speak TLS 1.3 with X25519, are visited everywhere, and are seldom blocked. The first that answers is taken. */
export const DOMAINS = ['www.microsoft.com', 'www.cloudflare.com', 'www.apple.com', 'www.google.com'] as const
