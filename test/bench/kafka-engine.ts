import type { KafkaConfig } from '#shared/bus';
import { topics } from '#shared/bus';
import type { Database } from '#shared/store';

/*
 * ClickHouse's own way from a topic into a table, set up as its operator would for this load: a consumer a
 * core with its own thread, blocks of 65,536 rows, written after a second at the latest. A value that is no
 * JSON stops it (`kafka_handle_error_mode = 'default'`).
 */

const consumers = 2;

/** Starts to read the topic into `traffic`. @returns what stops it */
export async function consumeWithEngine(
  database: Database,
  config: KafkaConfig,
): Promise<() => Promise<void>> {
  const columns: string[] = [];
  const text =
    "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = 'traffic_retained' " +
    'ORDER BY position';
  for await (const rows of database.rows({ text, parameters: {} })) {
    for (const row of rows) {
      const { name, type } = row as { name: string; type: string };
      columns.push(`${name} ${name === 'eventId' ? 'String' : type}`);
    }
  }
  await database.command(`CREATE TABLE queue (${columns.join(', ')}) ENGINE = Kafka SETTINGS
    kafka_broker_list = '${config.brokers.join(',')}',
    kafka_topic_list = '${config.topicPrefix}${topics.traffic}',
    kafka_group_name = '${config.consumerGroup}',
    kafka_format = 'JSONEachRow',
    kafka_num_consumers = ${consumers},
    kafka_thread_per_consumer = 1,
    kafka_max_block_size = 65536,
    kafka_flush_interval_ms = 1000,
    date_time_input_format = 'best_effort'`);
  await database.command(
    'CREATE MATERIALIZED VIEW queue_to_traffic TO traffic AS ' +
      'SELECT * EXCEPT (eventId), eventId AS eventIdHex FROM queue',
  );
  return async () => {
    await database.command('DROP TABLE queue_to_traffic SYNC');
    await database.command('DROP TABLE queue SYNC');
  };
}
