/** Why the proxy cannot run: one line for the operator. */
export class StartError extends Error {}
