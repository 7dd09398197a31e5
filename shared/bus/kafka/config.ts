import { z } from 'zod';

const path = z.string().min(1).max(4096);

/** `host:port`; an IPv6 address in brackets. */
const brokerAddress = z
  .string()
  .max(300)
  .regex(
    /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):\d{1,5}$/,
    'must be host:port, such as kafka1.example.nl:9093',
  );

const isLoopback = (address: string): boolean => /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\]):/.test(address);

/** Own certificate authorities and, where the brokers ask for it, our own certificate; all PEM files. */
const tlsSchema = z
  .strictObject({ caFile: path.optional(), certFile: path.optional(), keyFile: path.optional() })
  .refine(({ certFile, keyFile }) => (certFile === undefined) === (keyFile === undefined), {
    message: 'certFile and keyFile go together',
  });

/** RFC 4616, RFC 5802 and RFC 7677. The password is a file, so that no process list or dump shows it. */
const saslSchema = z.strictObject({
  mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']),
  username: z.string().min(1).max(255),
  passwordFile: path,
});

/** How to reach a Kafka cluster, and under which names. */
export const kafkaConfigSchema = z
  .strictObject({
    brokers: z.array(brokerAddress).min(1).max(64),
    clientId: z.string().min(1).max(100).default('griffie'),
    /** Consumer groups are this and the topic: `griffie.mail.traffic.v1`. */
    consumerGroup: z.string().min(1).max(100).default('griffie'),
    /** Put before every topic's and group's name, where several installations share a cluster. */
    topicPrefix: z
      .string()
      .max(64)
      .regex(/^[A-Za-z0-9._-]*$/, 'must be of letters, digits, dot, underscore and hyphen')
      .default(''),
    /** `false` sends traffic data in the clear; otherwise the brokers' certificates are always verified. */
    tls: z.union([z.literal(false), tlsSchema]).default({}),
    sasl: saslSchema.optional(),
  })
  .refine(({ tls, sasl, brokers }) => tls !== false || sasl === undefined || brokers.every(isLoopback), {
    path: ['sasl'],
    message: 'a password needs TLS, unless every broker is on this machine',
  });
export type KafkaConfig = z.infer<typeof kafkaConfigSchema>;
export type KafkaConfigInput = z.input<typeof kafkaConfigSchema>;
