export { Bucket, BURST_MS, Pacer, type BucketPlace } from './bucket.ts'
export { Flow, type Paced } from './flow.ts'
export { QuotaKeeper } from './quota-keeper.ts'
export { UserLease, Users, type UserReading } from './users.ts'
