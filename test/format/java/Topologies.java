import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import java.util.function.Consumer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorSupplier;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/** What Kafka Streams' Topology#describe prints for the topologies of test/format/topologies.ts, by their names. */
public class Topologies {
  record Case(String name, String optimization, Consumer<StreamsBuilder> define) {}

  static final Duration MINUTE = Duration.ofMinutes(1);
  static final TimeWindows TUMBLING = TimeWindows.ofSizeWithNoGrace(MINUTE);
  static final JoinWindows WITHIN = JoinWindows.ofTimeDifferenceWithNoGrace(MINUTE);
  static final String ALL = "all";
  static final String MERGE = "merge.repartition.topics";
  static final String SELF_JOIN = "single.store.self.join";

  static KStream<String, String> in(StreamsBuilder builder) {
    return builder.stream("in");
  }

  static String both(String left, String right) {
    return left + right;
  }

  static ProcessorSupplier<String, String, String, String> processor() {
    return () -> new ContextualProcessor<>() {
      @Override public void process(Record<String, String> record) { context().forward(record); }
    };
  }

  static final List<Case> CASES = List.of(
    new Case("tumbling count", "none", b -> in(b).groupByKey().windowedBy(TUMBLING).count().toStream((k, v) -> k.key()).to("out")),
    new Case("named windowed count behind a repartition", "none", b ->
      in(b).groupBy((k, v) -> v, Grouped.as("by-value")).windowedBy(TUMBLING)
        .count(Named.as("counted"), Materialized.as("counts"))),
    new Case("session count", "none", b ->
      in(b).groupByKey().windowedBy(SessionWindows.ofInactivityGapWithNoGrace(MINUTE)).count()),
    new Case("sliding reduce", "none", b ->
      in(b).groupByKey().windowedBy(SlidingWindows.ofTimeDifferenceWithNoGrace(MINUTE)).reduce(Topologies::both)),
    new Case("suppressed windows", "none", b ->
      in(b).groupByKey().windowedBy(TUMBLING).count()
        .suppress(Suppressed.untilWindowCloses(Suppressed.BufferConfig.unbounded())).toStream((k, v) -> k.key()).to("out")),
    new Case("named suppress of a table", "none", b ->
      in(b).groupByKey().count(Materialized.as("counts"))
        .suppress(Suppressed.<String>untilTimeLimit(MINUTE, Suppressed.BufferConfig.unbounded()).withName("calm"))
        .toStream().to("out")),
    new Case("inner join of streams", "none", b ->
      in(b).join(b.<String, String>stream("other"), Topologies::both, WITHIN).to("out")),
    new Case("left join of streams", "none", b ->
      in(b).leftJoin(b.<String, String>stream("other"), Topologies::both, WITHIN).to("out")),
    new Case("outer join of streams", "none", b ->
      in(b).outerJoin(b.<String, String>stream("other"), Topologies::both, WITHIN).to("out")),
    new Case("named left join of streams behind repartitions", "none", b ->
      in(b).selectKey((k, v) -> v).leftJoin(b.<String, String>stream("other").selectKey((k, v) -> v), Topologies::both, WITHIN,
        StreamJoined.<String, String, String>as("joined").withName("joined")).to("out")),
    new Case("self-join", SELF_JOIN, b -> {
      KStream<String, String> stream = in(b);
      stream.join(stream, Topologies::both, WITHIN).to("out");
    }),
    new Case("foreign-key join", "none", b ->
      b.<String, String>table("l").join(b.<String, String>table("r"), v -> v, Topologies::both).toStream().to("out")),
    new Case("named left foreign-key join", "none", b ->
      b.<String, String>table("l").leftJoin(b.<String, String>table("r"), v -> v, Topologies::both,
        TableJoined.as("joined"), Materialized.as("pairs")).toStream().to("out")),
    new Case("cogroup", "none", b ->
      in(b).groupByKey().<String>cogroup((k, v, a) -> a + v)
        .cogroup(b.<String, String>stream("other").groupByKey(), (k, v, a) -> a + v)
        .aggregate(() -> "").toStream().to("out")),
    new Case("cogroup of an unnamed grouping behind a repartition", "none", b ->
      in(b).groupByKey().<String>cogroup((k, v, a) -> a + v)
        .cogroup(b.<String, String>stream("other").groupBy((k, v) -> v), (k, v, a) -> a + v)
        .aggregate(() -> "").toStream().to("out")),
    new Case("named cogroup of one grouping behind a repartition", "none", b ->
      in(b).groupBy((k, v) -> v, Grouped.as("left")).<String>cogroup((k, v, a) -> a + v)
        .cogroup(b.<String, String>stream("other").groupByKey(), (k, v, a) -> a + v)
        .aggregate(() -> "", Named.as("together"), Materialized.as("sums")).toStream().to("out")),
    new Case("windowed cogroup", "none", b ->
      in(b).groupByKey().<String>cogroup((k, v, a) -> a + v)
        .cogroup(b.<String, String>stream("other").groupByKey(), (k, v, a) -> a + v)
        .windowedBy(TUMBLING).aggregate(() -> "")),
    new Case("split", "none", b -> {
      var branches = in(b).split().branch((k, v) -> v.length() > 9, Branched.as("-large"))
        .branch((k, v) -> v.length() > 3, Branched.as("-middle")).defaultBranch(Branched.as("-small"));
      branches.get("KSTREAM-BRANCH-0000000001-large").to("out");
      branches.get("KSTREAM-BRANCH-0000000001-middle").mapValues(v -> v).to("out2");
    }),
    new Case("global table join", "none", b -> {
      GlobalKTable<String, String> global = b.globalTable("g");
      in(b).join(global, (k, v) -> v, Topologies::both).leftJoin(global, (k, v) -> v, Topologies::both).to("out");
    }),
    new Case("kept outer join of tables", "none", b ->
      b.<String, String>table("l").outerJoin(b.<String, String>table("r"), Topologies::both, Named.as("pairs"),
        Materialized.as("pairs-store")).toStream().to("out")),
    new Case("a stream as a table, joined", "none", b ->
      in(b).selectKey((k, v) -> v).toTable().join(b.<String, String>table("r", Materialized.as("right")), Topologies::both)
        .toStream().to("out")),
    new Case("processors that share a store", "none", b -> {
      StoreBuilder<?> seen = Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore("seen"), Serdes.String(), Serdes.String());
      b.addStateStore(seen);
      in(b).process(processor(), "seen").to("out");
      b.<String, String>stream("other").process(processor(), Named.as("second"), "seen").to("out2");
    }),
    new Case("two aggregates of a named grouping", "none", b -> {
      KGroupedStream<String, String> grouped = in(b).groupBy((k, v) -> v, Grouped.as("by-value"));
      grouped.count().toStream().to("out");
      grouped.reduce(Topologies::both).toStream().to("out2");
    }),
    new Case("two aggregates of an unnamed grouping", "none", b -> {
      KGroupedStream<String, String> grouped = in(b).groupBy((k, v) -> v);
      grouped.count().toStream().to("out");
      grouped.reduce(Topologies::both).toStream().to("out2");
    }),
    new Case("merged streams of other keys are counted", "none", b ->
      in(b).selectKey((k, v) -> v).merge(b.<String, String>stream("other").selectKey((k, v) -> v)).groupByKey().count()
        .toStream().to("out")),
    new Case("two aggregates of a grouped table", "none", b -> {
      KGroupedTable<String, String> grouped = b.<String, String>table("t").groupBy((k, v) -> KeyValue(v, v));
      grouped.count().toStream().to("out");
      grouped.reduce(Topologies::both, Topologies::both, Materialized.as("reduced")).toStream().to("out2");
    }),
    new Case("a table through operators, kept by name", "none", b ->
      b.<String, String>table("t").filter((k, v) -> true, Named.as("some"), Materialized.as("kept"))
        .mapValues(v -> v).toStream(Named.as("changes")).to("out", Produced.as("written"))),
    new Case("explicit repartition and several topics", "none", b ->
      b.<String, String>stream(List.of("in", "in2"), Consumed.as("read"))
        .repartition(Repartitioned.<String, String>as("again").withNumberOfPartitions(3))
        .processValues(() -> new org.apache.kafka.streams.processor.api.ContextualFixedKeyProcessor<String, String, String>() {
          @Override public void process(org.apache.kafka.streams.processor.api.FixedKeyRecord<String, String> record) {}
        }).to("out")),
    new Case("a stream joins two tables", "none", b -> {
      KTable<String, String> t = b.table("t");
      KTable<String, String> u = b.table("u");
      in(b).join(t, Topologies::both).leftJoin(u, Topologies::both, Joined.as("second")).to("out");
    }),
    new Case("one stream joins two tables behind one key", "none", b -> {
      KStream<String, String> keyed = in(b).selectKey((k, v) -> v);
      keyed.join(b.<String, String>table("t"), Topologies::both).to("out");
      keyed.join(b.<String, String>table("u"), Topologies::both).to("out2");
    }),
    new Case("optimised: two groupings of one key", MERGE, b -> {
      KStream<String, String> keyed = in(b).selectKey((k, v) -> v);
      keyed.groupByKey().count().toStream().to("out");
      keyed.groupByKey().reduce(Topologies::both).toStream().to("out2");
    }),
    new Case("optimised: one grouping of one key", MERGE, b -> in(b).selectKey((k, v) -> v).groupByKey().count()),
    new Case("optimised: filters after the key", MERGE, b -> {
      KStream<String, String> keyed = in(b).selectKey((k, v) -> v);
      keyed.filter((k, v) -> true).groupByKey().count(Materialized.as("some")).toStream().to("out");
      keyed.peek((k, v) -> {}).groupByKey(Grouped.as("all")).count(Materialized.as("all-of-them")).toStream().to("out2");
      keyed.to("out3");
    }),
    new Case("optimised: mapped values stay before their own topic", MERGE, b -> {
      KStream<String, String> keyed = in(b).selectKey((k, v) -> v);
      keyed.mapValues(v -> v).groupByKey().count().toStream().to("out");
      keyed.groupByKey().count().toStream().to("out2");
      keyed.filter((k, v) -> true).groupByKey().count().toStream().to("out4");
    }),
    new Case("optimised: an aggregate and joins", MERGE, b -> {
      KStream<String, String> keyed = in(b).selectKey((k, v) -> v);
      keyed.groupByKey().count(Materialized.as("counts")).toStream().to("out");
      keyed.join(b.<String, String>table("t"), Topologies::both).to("out2");
      keyed.join(b.<String, String>stream("other"), Topologies::both, WITHIN).to("out3");
    }),
    new Case("optimised: merged streams", MERGE, b -> {
      KStream<String, String> merged =
        in(b).selectKey((k, v) -> v).merge(b.<String, String>stream("other").selectKey((k, v) -> v));
      merged.groupByKey().count(Materialized.as("counts")).toStream().to("out");
      merged.groupByKey().reduce(Topologies::both, Materialized.as("reduced")).toStream().to("out2");
    }),
    new Case("optimised: explicit repartitions stay", MERGE, b -> {
      KStream<String, String> keyed = in(b).selectKey((k, v) -> v);
      keyed.repartition(Repartitioned.as("again")).groupByKey().count(Materialized.as("counts")).toStream().to("out");
      keyed.groupByKey(Grouped.as("grouped")).count(Materialized.as("more")).toStream().to("out2");
    }),
    new Case("optimised: a key after a key", MERGE, b -> {
      KStream<String, String> keyed = in(b).selectKey((k, v) -> v);
      keyed.groupByKey().count(Materialized.as("first")).toStream().to("out");
      KStream<String, String> again = keyed.selectKey((k, v) -> v);
      again.groupByKey().count(Materialized.as("second")).toStream().to("out2");
      again.groupByKey().count(Materialized.as("third")).toStream().to("out3");
    }),
    new Case("optimised: groupings with names and a join", ALL, b -> {
      KStream<String, String> source = in(b).selectKey((k, v) -> v);
      source.filter((k, v) -> true).groupByKey(Grouped.as("count-groupByKey"))
        .count(Materialized.as("count-store")).toStream().to("out");
      source.filter((k, v) -> true).peek((k, v) -> {}).groupByKey(Grouped.as("aggregate-groupByKey"))
        .aggregate(() -> "", (k, v, a) -> a + v, Materialized.as("aggregate-store")).toStream().to("out2");
      source.leftJoin(b.<String, String>table("t"), Topologies::both).to("out3");
    })
  );

  static <K, V> org.apache.kafka.streams.KeyValue<K, V> KeyValue(K key, V value) {
    return org.apache.kafka.streams.KeyValue.pair(key, value);
  }

  public static void main(String[] args) throws Exception {
    try (PrintWriter out = new PrintWriter(Path.of(args[0], "topologies.jsonl").toFile(), "UTF-8")) {
      for (Case each : CASES) {
        Properties properties = new Properties();
        properties.put(StreamsConfig.APPLICATION_ID_CONFIG, "app");
        properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "none:1");
        properties.put(StreamsConfig.TOPOLOGY_OPTIMIZATION_CONFIG, each.optimization());
        StreamsBuilder builder = new StreamsBuilder();
        each.define().accept(builder);
        String text = builder.build(properties).describe().toString();
        out.print("{\"name\":\"" + each.name() + "\",\"optimization\":\"" + each.optimization() + "\",\"text\":\""
          + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + "\"}\n");
      }
    }
  }
}
