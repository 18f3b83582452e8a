import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.*;

/**
 * One Kafka Streams application in a process of its own: the works of evert-service.ts by the same names. Prints RUNNING
 * when its tasks run; ends when its standard input does.
 */
public class Service {
  static final ObjectMapper JSON = new ObjectMapper();
  static final Duration MINUTE = Duration.ofMinutes(1);
  static final Duration WITHIN = Duration.ofSeconds(30);

  @JsonPropertyOrder({"orderId", "customerId", "product", "quantity", "price", "state"})
  public static class Order {
    public String orderId;
    public String customerId;
    public String product;
    public int quantity;
    public int price;
    public String state;
  }

  @JsonPropertyOrder({"name", "level"})
  public static class Customer {
    public String name;
    public String level;
  }

  @JsonPropertyOrder({"paymentId", "amount"})
  public static class Payment {
    public String paymentId;
    public int amount;
  }

  @JsonPropertyOrder({"orderId", "customerId", "amount"})
  public record Amount(String orderId, String customerId, int amount) {}

  @JsonPropertyOrder({"orderId", "product", "quantity", "name", "level"})
  public record Enriched(String orderId, String product, int quantity, String name, String level) {}

  @JsonPropertyOrder({"orderId", "customerId", "paymentId", "amount"})
  public record Paid(String orderId, String customerId, String paymentId, int amount) {}

  static <T> Serde<T> json(Class<T> type) {
    return Serdes.serdeFrom(
      (topic, value) -> {
        if (value == null) return null;
        try {
          return JSON.writeValueAsBytes(value);
        } catch (IOException error) {
          throw new UncheckedIOException(error);
        }
      },
      (topic, bytes) -> {
        if (bytes == null) return null;
        try {
          return JSON.readValue(bytes, type);
        } catch (IOException error) {
          throw new UncheckedIOException(error);
        }
      });
  }

  static final Serde<String> TEXT = Serdes.String();
  static final Serde<Long> LONG = Serdes.Long();
  static final Serde<Order> ORDER = json(Order.class);

  static void define(String work, StreamsBuilder builder, String output) {
    switch (work) {
      case "filter-map", "latency" -> builder
        .stream("orders", Consumed.with(TEXT, ORDER))
        .filter((key, order) -> order.quantity > 1)
        .mapValues(order -> new Amount(order.orderId, order.customerId, order.quantity * order.price))
        .to(output, Produced.with(TEXT, json(Amount.class)));
      case "count", "latency-count" -> builder
        .stream("orders", Consumed.with(TEXT, ORDER))
        .groupByKey(Grouped.with(TEXT, ORDER))
        .count(Materialized.as("counts"))
        .toStream()
        .to(output, Produced.with(TEXT, LONG));
      case "windowed-count" -> builder
        .stream("orders", Consumed.with(TEXT, ORDER))
        .groupByKey(Grouped.with(TEXT, ORDER))
        .windowedBy(TimeWindows.ofSizeWithNoGrace(MINUTE))
        .count(Materialized.as("counts"))
        .toStream()
        .to(output, Produced.with(WindowedSerdes.timeWindowedSerdeFrom(String.class, MINUTE.toMillis()), LONG));
      case "re-key-sum" -> builder
        .stream("orders", Consumed.with(TEXT, ORDER))
        .map((key, order) -> KeyValue.pair(order.product, (long) order.quantity * order.price))
        .groupByKey(Grouped.with(TEXT, LONG))
        .reduce(Long::sum, Materialized.<String, Long, org.apache.kafka.streams.state.KeyValueStore<org.apache.kafka.common.utils.Bytes, byte[]>>as("sums").withKeySerde(TEXT).withValueSerde(LONG))
        .toStream()
        .to(output, Produced.with(TEXT, LONG));
      case "stream-table-join" -> builder
        .stream("orders", Consumed.with(TEXT, ORDER))
        .join(
          builder.table("customers", Consumed.with(TEXT, json(Customer.class)), Materialized.as("customers")),
          (order, customer) ->
            new Enriched(order.orderId, order.product, order.quantity, customer.name, customer.level),
          Joined.with(TEXT, ORDER, json(Customer.class)))
        .to(output, Produced.with(TEXT, json(Enriched.class)));
      case "stream-stream-join" -> builder
        .stream("orders-by-id", Consumed.with(TEXT, ORDER))
        .join(
          builder.stream("payments", Consumed.with(TEXT, json(Payment.class))),
          (order, payment) -> new Paid(order.orderId, order.customerId, payment.paymentId, payment.amount),
          JoinWindows.ofTimeDifferenceWithNoGrace(WITHIN),
          StreamJoined.with(TEXT, ORDER, json(Payment.class)))
        .to(output, Produced.with(TEXT, json(Paid.class)));
      default -> throw new IllegalArgumentException("There is no work " + work + ".");
    }
  }

  public static void main(String[] arguments) throws IOException {
    String work = arguments[0];
    Properties config = new Properties();
    config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[1]);
    config.put(StreamsConfig.APPLICATION_ID_CONFIG, arguments[2]);
    config.put(StreamsConfig.STATE_DIR_CONFIG, arguments[4]);
    config.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, arguments[5]);
    config.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    config.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
    config.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
    // Everything else is Kafka Streams' default: RocksDB, 10 MiB of record cache, the classic group protocol.
    config.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
    StreamsBuilder builder = new StreamsBuilder();
    define(work, builder, arguments[3]);
    KafkaStreams streams = new KafkaStreams(builder.build(), config);
    streams.setStateListener((now, before) -> {
      if (now == KafkaStreams.State.RUNNING) System.out.println("RUNNING");
      if (now == KafkaStreams.State.ERROR) System.exit(1);
    });
    streams.start();
    System.in.read();
    streams.close(Duration.ofSeconds(30));
    System.exit(0);
  }
}
