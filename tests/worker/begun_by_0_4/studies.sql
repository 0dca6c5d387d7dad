BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('v3.2.0.a');
CREATE TABLE studies (
	study_id INTEGER NOT NULL, 
	study_name VARCHAR(512) NOT NULL, 
	PRIMARY KEY (study_id)
);
INSERT INTO "studies" VALUES(1,'begun');
INSERT INTO "studies" VALUES(2,'begun (confirmation)');
CREATE TABLE study_directions (
	study_direction_id INTEGER NOT NULL, 
	direction VARCHAR(8) NOT NULL, 
	study_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	PRIMARY KEY (study_direction_id), 
	UNIQUE (study_id, objective), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_directions" VALUES(1,'MINIMIZE',1,0);
INSERT INTO "study_directions" VALUES(2,'MINIMIZE',2,0);
CREATE TABLE study_system_attributes (
	study_system_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_system_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_system_attributes" VALUES(1,1,'study:metric_names','["fid (mean over folds)"]');
INSERT INTO "study_system_attributes" VALUES(2,2,'study:metric_names','["fid (mean over folds)"]');
CREATE TABLE study_user_attributes (
	study_user_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_user_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_user_attributes" VALUES(1,1,'fingerprints','{"data": "b50117d0e53c3b4572d35283aac205935d80c703789fb44f3075e4993009983b", "folds": "1568a155cff438c951435fc5f052f87390d3412e5105e81e5135c26114a053b1", "features": "05c406bf6f1556fe8c43e6071e5224e929c147ad6371ca7f7386cd36b3b6f2a8", "samples": 70, "training": 3}');
INSERT INTO "study_user_attributes" VALUES(2,1,'feature_accuracy','null');
INSERT INTO "study_user_attributes" VALUES(3,1,'versions','{"python": "3.11.7", "machine": "x86_64", "device": "2 \u00d7 cpu", "normsweep": "0.4.0", "jax": "0.10.2", "jaxlib": "0.10.2", "flax": "0.12.8", "optax": "0.2.8", "optuna": "5.0.0", "numpy": "2.4.6", "scikit-learn": "1.9.1"}');
INSERT INTO "study_user_attributes" VALUES(4,1,'spec','{"study": {"name": "begun", "trials": 3, "seed": 3, "sampler": "tpe", "pruner": "none", "startup_trials": 2, "pruner_warmup": 1, "pruner_percentile": 25.0, "slots": 2}, "data": {"source": "digits", "split": "train", "limit": 200, "seed": 0}, "model": {"kind": "mlp", "latent": 8, "latent_distribution": "normal", "generator_hidden": [16], "generator_activation": "leaky_relu", "generator_output": "tanh", "generator_normalisation": "none", "discriminator_hidden": [16], "discriminator_activation": "leaky_relu", "discriminator_normalisation": "none"}, "train": {"steps": 80, "chunks": 4, "batch": 16, "discriminator_steps": 1, "loss": "non_saturating", "label_smoothing": 0.0, "optimizer": "adam", "generator_learning_rate": 0.005, "discriminator_learning_rate": 0.0002, "learning_rate_schedule": "constant", "learning_rate_end": 0.0, "learning_rate_warmup": 0.0, "beta1": 0.5, "beta2": 0.999, "ema": 0.0}, "penalty": {"form": "power", "target": ["generator", "discriminator", "both"], "order": 2.0, "strength": {"low": 0.0001, "high": 0.1, "log": true}, "separate_strengths": false, "weights": "kernel$", "biases": false, "scope": "network", "reduction": "sum", "coupling": "loss", "schedule": "constant", "schedule_start": 0.0, "schedule_end": 1.0, "schedule_begin": 0.0, "schedule_finish": 1.0, "adaptive_signal": "real_sign", "adaptive_target": 0.6, "adaptive_speed": 2.0}, "gradient_penalty": {"kind": "none", "every": 1}, "augment": {"policy": "none", "images": "both"}, "score": {"metric": "fid", "record": [], "at": "final", "folds": 2, "features": "pca", "dimension": 8, "feature_share": 0.3}, "confirm": {"seeds": 2, "top": 1, "holdout": 0.0}, "service": {"retries": 3, "checkpoint_every": 5, "keep_checkpoints": 0, "storage_patience": 600.0}, "stop": {"noise": 1.0}}');
INSERT INTO "study_user_attributes" VALUES(5,1,'trained on','70');
INSERT INTO "study_user_attributes" VALUES(6,1,'control','"open"');
INSERT INTO "study_user_attributes" VALUES(7,2,'confirms','"begun"');
INSERT INTO "study_user_attributes" VALUES(8,2,'study id','1');
INSERT INTO "study_user_attributes" VALUES(9,2,'planned','{"top": 1, "seeds": 2, "arms": {"baseline": ["baseline", 0], "trial 3": ["baseline", 3]}}');
CREATE TABLE sweep_claims (
	trial_id INTEGER NOT NULL, 
	worker VARCHAR(32) NOT NULL, 
	PRIMARY KEY (trial_id), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id) ON DELETE CASCADE
);
CREATE TABLE sweep_measurements (
	trial_id INTEGER NOT NULL, 
	fold INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	fid FLOAT NOT NULL, 
	kid FLOAT NOT NULL, 
	generator_loss FLOAT NOT NULL, 
	discriminator_loss FLOAT NOT NULL, others JSON, 
	PRIMARY KEY (trial_id, fold, step), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id) ON DELETE CASCADE
);
INSERT INTO "sweep_measurements" VALUES(1,0,20,8.19627294115173476996e+00,2.04002361934929510312e+00,6.71920359134674072265e-01,1.86173725128173828125e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.315956115722656, "discriminator_norm": 5.953536510467529}');
INSERT INTO "sweep_measurements" VALUES(1,1,20,8.41416979637604711683e+00,1.93728973161126738489e+00,3.44496995210647583007e-01,1.98381519317626953125e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.989192008972168, "discriminator_norm": 5.907250881195068}');
INSERT INTO "sweep_measurements" VALUES(2,0,20,8.22145438932903616091e+00,2.04067975066573081832e+00,6.72106027603149414062e-01,1.8601099252700805664e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.239492416381836, "discriminator_norm": 5.946065902709961}');
INSERT INTO "sweep_measurements" VALUES(2,1,20,8.43515341245845817752e+00,1.92958524697886435461e+00,3.441829681396484375e-01,1.98466050624847412109e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.841469764709473, "discriminator_norm": 5.906949996948242}');
INSERT INTO "sweep_measurements" VALUES(1,0,40,9.25605605735361,2.57472047091385247696e+00,1.23467318713665008544e-01,3.03654813766479492187e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.303053855895996, "discriminator_norm": 5.947206020355225}');
INSERT INTO "sweep_measurements" VALUES(1,1,40,8.16859959133092,1.79284430838179531519e+00,1.30748003721237182617e-01,2.80476164817810058593e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.998011589050293, "discriminator_norm": 5.89653205871582}');
INSERT INTO "sweep_measurements" VALUES(2,0,40,9.31378185463062635562e+00,2.57365555782715782484e+00,1.2299674004316329956e-01,3.03872036933898925781e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.102949142456055, "discriminator_norm": 5.936249732971191}');
INSERT INTO "sweep_measurements" VALUES(2,1,40,8.21796756841233566603e+00,1.77400745980108709431e+00,1.29706412553787231445e-01,2.81356596946716308593e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.62967300415039, "discriminator_norm": 5.895781517028809}');
INSERT INTO "sweep_measurements" VALUES(1,0,60,1.00815184903413257444e+01,3.05056231626795959499e+00,0.0529361329972744,3.74132132530212402343e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.290068626403809, "discriminator_norm": 5.938770771026611}');
INSERT INTO "sweep_measurements" VALUES(1,1,60,8.08758258628155601854e+00,1.70290212321752898461e+00,6.36174306273460388183e-02,3.33404088020324707031e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.995908737182617, "discriminator_norm": 5.883090496063232}');
INSERT INTO "sweep_measurements" VALUES(2,0,60,1.01792124251326558952e+01,3.04315372747265078245e+00,5.23287430405616760253e-02,3.75059866905212402343e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 11.93355941772461, "discriminator_norm": 5.925654888153076}');
INSERT INTO "sweep_measurements" VALUES(2,1,60,8.18044187030426,1.67452425524289427727e+00,6.2412954866886138916e-02,3.350513458251953125e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.35741138458252, "discriminator_norm": 5.881767749786377}');
INSERT INTO "sweep_measurements" VALUES(1,0,80,1.08599171195040913319e+01,3.56571474549155675859e+00,3.64584326744079589843e-02,3.937534332275390625e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.283355712890625, "discriminator_norm": 5.931155204772949}');
INSERT INTO "sweep_measurements" VALUES(1,1,80,8.11581956992966,1.64235518269119,5.11761605739593505859e-02,3.58276677131652832031e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.995326042175293, "discriminator_norm": 5.86842679977417}');
INSERT INTO "sweep_measurements" VALUES(2,0,80,1.10125569348007719123e+01,3.55349981922913338294e+00,3.58098410069942474365e-02,3.95423245429992675781e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 11.748703002929688, "discriminator_norm": 5.916604042053223}');
INSERT INTO "sweep_measurements" VALUES(2,1,80,8.25559726136007299146e+00,1.60919476667247485224e+00,4.98111359775066375732e-02,3.61044621467590332031e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.056723594665527, "discriminator_norm": 5.8665266036987305}');
INSERT INTO "sweep_measurements" VALUES(3,0,20,8.56165589190626441506e+00,1.93679963034757829376e+00,7.74264276027679443359e-01,1.59662735462188720703e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 10.364983558654785, "discriminator_norm": 5.954960346221924}');
INSERT INTO "sweep_measurements" VALUES(3,1,20,9.52190695653058405412e+00,2.14738729605399747413e+00,4.33884918689727783203e-01,1.68192899227142333984e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 10.692201614379883, "discriminator_norm": 5.909615993499756}');
INSERT INTO "sweep_measurements" VALUES(4,0,20,8.19626363853128481196e+00,2.04001754344500429994e+00,6.71920955181121826171e-01,1.86173534393310546875e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.315956115722656, "discriminator_norm": 5.9513068199157715}');
INSERT INTO "sweep_measurements" VALUES(4,1,20,8.41418920628087,1.93729956327206265243e+00,3.44496935606002807617e-01,1.98381578922271728515e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.989189147949219, "discriminator_norm": 5.90717077255249}');
INSERT INTO "sweep_measurements" VALUES(3,0,40,1.00709055992236251597e+01,2.27468444900801358699e+00,1.98520243167877197265e-01,2.44856309890747070312e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 8.507058143615723, "discriminator_norm": 5.950596332550049}');
INSERT INTO "sweep_measurements" VALUES(3,1,40,1.03627392365735531147e+01,2.0884852547001360179e+00,2.29185774922370910644e-01,2.08566641807556152343e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 8.716017723083496, "discriminator_norm": 5.903729438781738}');
INSERT INTO "sweep_measurements" VALUES(4,0,40,9.25601106629662,2.57469106343305,1.23467959463596343994e-01,3.03654456138610839843e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.303053855895996, "discriminator_norm": 5.944530487060547}');
INSERT INTO "sweep_measurements" VALUES(4,1,40,8.16863012633695717568e+00,1.79285983309984464639e+00,1.30749180912971496582e-01,2.80475306510925292968e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.998007774353027, "discriminator_norm": 5.896389007568359}');
INSERT INTO "sweep_measurements" VALUES(3,0,60,1.15146778292792113513e+01,2.54273127229929141179e+00,9.8009496927261352539e-02,2.95111823081970214843e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 6.930361747741699, "discriminator_norm": 5.942771911621094}');
INSERT INTO "sweep_measurements" VALUES(3,1,60,1.11576973707537412399e+01,2.00608278771258374817e+00,1.32225692272186279296e-01,2.45252370834350585937e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 7.069464206695557, "discriminator_norm": 5.893174171447754}');
INSERT INTO "sweep_measurements" VALUES(4,0,60,1.00814289627698627782e+01,3.05049828760046137787e+00,5.29363267123699188232e-02,3.741321563720703125e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.290068626403809, "discriminator_norm": 5.935781002044678}');
INSERT INTO "sweep_measurements" VALUES(4,1,60,8.08762798336015,1.70291838601740241898e+00,6.3619092106819152832e-02,3.33401942253112792968e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.995904922485352, "discriminator_norm": 5.882890224456787}');
INSERT INTO "sweep_measurements" VALUES(3,0,80,1.29147359721234611384e+01,2.74606712828342747201e+00,7.16999694705009460449e-02,3.13070368766784667968e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 5.627384662628174, "discriminator_norm": 5.934389114379883}');
INSERT INTO "sweep_measurements" VALUES(3,1,80,1.1987169057333716182e+01,1.93725185927394916163e+00,9.8269805312156677246e-02,2.70863032341003417968e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 5.705278396606445, "discriminator_norm": 5.8794074058532715}');
INSERT INTO "sweep_measurements" VALUES(4,0,80,1.08597289052797947301e+01,3.56555846868081882661e+00,3.64586263895034790039e-02,3.93752908706665039062e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.283356666564941, "discriminator_norm": 5.928001880645752}');
INSERT INTO "sweep_measurements" VALUES(4,1,80,8.11587554533276644974e+00,1.64236712567863785139e+00,5.11780865490436553955e-02,3.58273577690124511718e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.995322227478027, "discriminator_norm": 5.8681721687316895}');
INSERT INTO "sweep_measurements" VALUES(5,0,20,9.62547625418582,2.44473907137801216293e+00,4.2365264892578125e-01,1.79378926753997802734e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.57404613494873, "discriminator_norm": 5.98341178894043}');
INSERT INTO "sweep_measurements" VALUES(5,1,20,9.06250258653753,2.83764843781473086181e+00,4.80550199747085571289e-01,1.38947856426239013671e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.777694702148438, "discriminator_norm": 5.714271545410156}');
INSERT INTO "sweep_measurements" VALUES(5,0,40,1.07090346774256826021e+01,2.89357316481083826076e+00,1.11767604947090148925e-01,2.76897001266479492187e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.555065155029297, "discriminator_norm": 5.974109649658203}');
INSERT INTO "sweep_measurements" VALUES(5,1,40,9.37224955193314102075e+00,2.99530611422124026788e+00,1.59182190895080566406e-01,2.29309439659118652343e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.793488502502441, "discriminator_norm": 5.693746089935303}');
INSERT INTO "sweep_measurements" VALUES(5,0,60,1.12745810460494677585e+01,3.12785975876302213549e+00,5.85724711418151855468e-02,3.47373557090759277343e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.53215217590332, "discriminator_norm": 5.963022708892822}');
INSERT INTO "sweep_measurements" VALUES(5,1,60,9.78455055625501302074e+00,3.18018800689719904895e+00,0.0739104375243187,3.09335637092590332031e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.801339149475098, "discriminator_norm": 5.669460773468018}');
INSERT INTO "sweep_measurements" VALUES(5,0,80,1.14968090385560817168e+01,3.17523053471787841672e+00,4.01862822473049163818e-02,3.70360422134399414062e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.510573387145996, "discriminator_norm": 5.951766490936279}');
INSERT INTO "sweep_measurements" VALUES(5,1,80,1.02967637576924122557e+01,3.38726748922530607188e+00,4.81408201158046722412e-02,3.45054602622985839843e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.803736686706543, "discriminator_norm": 5.646819114685059}');
INSERT INTO "sweep_measurements" VALUES(6,0,20,9.62547597617143,2.44473898781132792379e+00,4.23653274774551391601e-01,1.79378795623779296875e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.574045181274414, "discriminator_norm": 5.982789039611816}');
INSERT INTO "sweep_measurements" VALUES(6,1,20,9.06251726964192272362e+00,2.83765981650038412453e+00,4.80551868677139282226e-01,1.38947510719299316406e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.777694702148438, "discriminator_norm": 5.713989734649658}');
INSERT INTO "sweep_measurements" VALUES(6,0,40,1.07090320102711267225e+01,2.8935679824990803155e+00,1.11768998205661773681e-01,2.76896190643310546875e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.555066108703613, "discriminator_norm": 5.972391605377197}');
INSERT INTO "sweep_measurements" VALUES(6,1,40,9.37230830149824356567e+00,2.99534367665512357703e+00,1.59185960888862609863e-01,2.29307389259338378906e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.793489456176758, "discriminator_norm": 5.693185329437256}');
INSERT INTO "sweep_measurements" VALUES(6,0,60,1.12745946367052169985e+01,3.12785470107925211991e+00,5.85736297070980072021e-02,3.47372174263000488281e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.532153129577637, "discriminator_norm": 5.960689067840576}');
INSERT INTO "sweep_measurements" VALUES(6,1,60,9.78464184033739137191e+00,3.18024470711235318631e+00,7.39134699106216430664e-02,3.09331822395324707031e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.80134105682373, "discriminator_norm": 5.66861629486084}');
INSERT INTO "sweep_measurements" VALUES(6,0,80,1.14968565179525015194e+01,3.17523104232167652227e+00,4.01878245174884796142e-02,3.70357251167297363281e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.510576248168945, "discriminator_norm": 5.9488911628723145}');
INSERT INTO "sweep_measurements" VALUES(6,1,80,1.02968392767313741129e+01,3.38728837070301569411e+00,4.81433235108852386474e-02,3.45049786567688,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.803740501403809, "discriminator_norm": 5.645689010620117}');
INSERT INTO "sweep_measurements" VALUES(7,0,20,7.16321095618289582773e+00,1.46492535647609400939e+00,5.12234866619110107421e-01,1.60237443447113037109e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 13.096553802490234, "discriminator_norm": 5.917309761047363}');
INSERT INTO "sweep_measurements" VALUES(7,1,20,8.73590939047864623034e+00,2.10799159375857847464e+00,1.08658349514007568359e+00,1.73247516155242919921e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.367090225219727, "discriminator_norm": 5.875698566436768}');
INSERT INTO "sweep_measurements" VALUES(7,0,40,7.33614640699799736012e+00,1.4995654785882623905e+00,8.84508863091468811035e-02,3.00376725196838378906e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 13.096070289611816, "discriminator_norm": 5.900720119476318}');
INSERT INTO "sweep_measurements" VALUES(7,1,40,8.09586885745506634748e+00,1.73950355022965919005e+00,3.55151295661926269531e-01,2.25760054588317871093e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.301501274108887, "discriminator_norm": 5.870232582092285}');
INSERT INTO "sweep_measurements" VALUES(7,0,60,7.53162360781131923204e+00,1.53815707237928966932e+00,4.23521511256694793701e-02,3.64726614952087402343e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 13.089628219604492, "discriminator_norm": 5.884628772735596}');
INSERT INTO "sweep_measurements" VALUES(7,1,60,7.74741794577297326895e+00,1.54332281964325845891e+00,1.94277718663215637207e-01,2.67617487907409667968e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.256525993347168, "discriminator_norm": 5.861642360687256}');
INSERT INTO "sweep_measurements" VALUES(7,0,80,7.77836625752080834672e+00,1.58448587933642359715e+00,2.74042878299951553344e-02,4.06244754791259765625e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 13.080647468566895, "discriminator_norm": 5.870264053344727}');
INSERT INTO "sweep_measurements" VALUES(7,1,80,7.59551237572984128121e+00,1.4610088624942290103e+00,1.37599930167198181152e-01,2.89525771141052246093e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.216330528259277, "discriminator_norm": 5.852626323699951}');
INSERT INTO "sweep_measurements" VALUES(8,0,20,7.16317028810405176386e+00,1.46491225117311874015e+00,0.512235701084137,1.60236895084381103515e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 13.096553802490234, "discriminator_norm": 5.916628360748291}');
INSERT INTO "sweep_measurements" VALUES(8,1,20,8.73582474744028480984e+00,2.10791533159365851446e+00,1.08658015727996826171e+00,1.7325006723403930664e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.367101669311523, "discriminator_norm": 5.87557315826416}');
INSERT INTO "sweep_measurements" VALUES(8,0,40,7.33612723061516902589e+00,1.49955593412299537092e+00,8.84511470794677734375e-02,3.00375056266784667968e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 13.096070289611816, "discriminator_norm": 5.899356842041016}');
INSERT INTO "sweep_measurements" VALUES(8,1,40,8.09581686119777188537e+00,1.73946468802423,3.55156719684600830078e-01,2.25754785537719726562e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.301513671875, "discriminator_norm": 5.869996547698975}');
INSERT INTO "sweep_measurements" VALUES(8,0,60,7.53162523504759207071e+00,1.53815383134428795841e+00,4.23530861735343933105e-02,3.64723634719848632812e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 13.089630126953125, "discriminator_norm": 5.882652282714844}');
INSERT INTO "sweep_measurements" VALUES(8,1,60,7.74738709431490235601e+00,1.54328590597474013534e+00,1.9428278505802154541e-01,2.67613053321838378906e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.256538391113281, "discriminator_norm": 5.861301898956299}');
INSERT INTO "sweep_measurements" VALUES(8,0,80,7.77838060241543161055e+00,1.5844871708343175598e+00,2.7404958382248878479e-02,4.06241321563720703125e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 13.080650329589844, "discriminator_norm": 5.86790132522583}');
INSERT INTO "sweep_measurements" VALUES(8,1,80,7.59549824111639182433e+00,1.46097003323749818903e+00,1.37604251503944396972e-01,2.89523959159851074218e+00,'{"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.216341972351074, "discriminator_norm": 5.852187633514404}');
CREATE TABLE sweep_schema (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT sweep_schema_pkc PRIMARY KEY (version_num)
);
INSERT INTO "sweep_schema" VALUES('0003');
CREATE TABLE sweep_workers (
	worker VARCHAR(32) NOT NULL, 
	study VARCHAR(512), 
	host VARCHAR(255) NOT NULL, 
	machine VARCHAR(255) NOT NULL, 
	pid INTEGER NOT NULL, 
	started FLOAT NOT NULL, 
	device VARCHAR(255) NOT NULL, 
	state VARCHAR(32) NOT NULL, 
	chunks INTEGER NOT NULL, 
	rate FLOAT NOT NULL, 
	seen FLOAT NOT NULL, 
	PRIMARY KEY (worker)
);
CREATE TABLE trial_heartbeats (
	trial_heartbeat_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	heartbeat DATETIME NOT NULL, 
	PRIMARY KEY (trial_heartbeat_id), 
	UNIQUE (trial_id), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_intermediate_values (
	trial_intermediate_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	intermediate_value FLOAT, 
	intermediate_value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_intermediate_value_id), 
	UNIQUE (trial_id, step), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_intermediate_values" VALUES(1,1,20,8.30522136876389183157e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(2,2,20,8.32830390089374716922e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(3,1,40,8.7123278243422657141e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(4,2,40,8.76587471152148,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(5,1,60,9.08455053831144,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(6,2,60,9.17982714771846,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(7,1,80,9.48786834471687612335e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(8,2,80,9.63407709808042156396e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(9,3,20,9.04178142421842423459e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(10,4,20,8.30522642240607744668e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(11,3,40,1.02168224178985891372e+01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(12,4,40,8.71232059631679,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(13,3,60,1.13361876000164762956e+01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(14,4,60,9.08452847306500643753e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(15,3,80,1.24509525147285877717e+01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(16,4,80,9.48780222530628,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(17,5,20,9.34398942036167490243e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(18,5,40,1.00406421146794109231e+01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(19,5,60,1.05295658011522412782e+01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(20,5,80,1.08967863981242469857e+01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(21,6,20,9.34399662290667620823e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(22,6,40,1.00406701558846851436e+01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(23,6,60,1.05296182385213050731e+01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(24,6,80,1.08968478973419387041e+01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(25,7,20,7.94956017333077102904e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(26,7,40,7.7160076322265318538e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(27,7,60,7.6395207767921462505e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(28,7,80,7.68693931662532481396e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(29,8,20,7.94949751777216828685e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(30,8,40,7.71597204590647045563e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(31,8,60,7.63950616468124721336e+00,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(32,8,80,7.68693942176591171744e+00,'FINITE');
CREATE TABLE trial_params (
	param_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	param_name VARCHAR(512), 
	param_value FLOAT, 
	distribution_json TEXT, 
	PRIMARY KEY (param_id), 
	UNIQUE (trial_id, param_name), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_params" VALUES(1,2,'penalty.target',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["generator", "discriminator", "both"]}}');
INSERT INTO "trial_params" VALUES(2,2,'penalty.strength',5.39171924605077687066e-04,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0001, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(3,3,'penalty.target',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["generator", "discriminator", "both"]}}');
INSERT INTO "trial_params" VALUES(4,3,'penalty.strength',4.43942042456252281001e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0001, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(5,4,'penalty.target',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["generator", "discriminator", "both"]}}');
INSERT INTO "trial_params" VALUES(6,4,'penalty.strength',1.20354878837696118408e-04,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0001, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(7,6,'penalty.target',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["generator", "discriminator", "both"]}}');
INSERT INTO "trial_params" VALUES(8,6,'penalty.strength',1.20354878837696118408e-04,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0001, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(9,8,'penalty.target',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["generator", "discriminator", "both"]}}');
INSERT INTO "trial_params" VALUES(10,8,'penalty.strength',1.20354878837696118408e-04,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0001, "high": 0.1, "log": true}}');
CREATE TABLE trial_system_attributes (
	trial_system_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_system_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_system_attributes" VALUES(1,1,'fixed_params','{}');
INSERT INTO "trial_system_attributes" VALUES(2,1,'artifacts:02b5c3c7-5a76-4fdc-9a51-d35feee60649','"{\"artifact_id\": \"02b5c3c7-5a76-4fdc-9a51-d35feee60649\", \"filename\": \"samples.png\", \"mimetype\": \"image/png\", \"encoding\": null}"');
INSERT INTO "trial_system_attributes" VALUES(3,2,'artifacts:631a11c0-0144-44a8-a2ca-4f1230cb2dd2','"{\"artifact_id\": \"631a11c0-0144-44a8-a2ca-4f1230cb2dd2\", \"filename\": \"samples.png\", \"mimetype\": \"image/png\", \"encoding\": null}"');
INSERT INTO "trial_system_attributes" VALUES(4,3,'tpe:relative_params:0','"{\"penalty.target\": \"generator\", \"penalty.strength\": 0.04439420424562523}"');
INSERT INTO "trial_system_attributes" VALUES(5,4,'tpe:relative_params:0','"{\"penalty.target\": \"discriminator\", \"penalty.strength\": 0.00012035487883769612}"');
INSERT INTO "trial_system_attributes" VALUES(6,3,'artifacts:5df11054-4e04-4fdc-99fb-3a04fc0c881e','"{\"artifact_id\": \"5df11054-4e04-4fdc-99fb-3a04fc0c881e\", \"filename\": \"samples.png\", \"mimetype\": \"image/png\", \"encoding\": null}"');
INSERT INTO "trial_system_attributes" VALUES(7,4,'artifacts:fc3f9370-027b-4b77-8bef-6d8d516f3a66','"{\"artifact_id\": \"fc3f9370-027b-4b77-8bef-6d8d516f3a66\", \"filename\": \"samples.png\", \"mimetype\": \"image/png\", \"encoding\": null}"');
CREATE TABLE trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_user_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_user_attributes" VALUES(1,1,'role','"baseline"');
INSERT INTO "trial_user_attributes" VALUES(2,1,'config','{"study": {"name": "begun", "trials": 3, "seed": 3, "sampler": "tpe", "pruner": "none", "startup_trials": 2, "pruner_warmup": 1, "pruner_percentile": 25.0, "slots": 2}, "data": {"source": "digits", "split": "train", "limit": 200, "seed": 0}, "model": {"kind": "mlp", "latent": 8, "latent_distribution": "normal", "generator_hidden": [16], "generator_activation": "leaky_relu", "generator_output": "tanh", "generator_normalisation": "none", "discriminator_hidden": [16], "discriminator_activation": "leaky_relu", "discriminator_normalisation": "none"}, "train": {"steps": 80, "chunks": 4, "batch": 16, "discriminator_steps": 1, "loss": "non_saturating", "label_smoothing": 0.0, "optimizer": "adam", "generator_learning_rate": 0.005, "discriminator_learning_rate": 0.0002, "learning_rate_schedule": "constant", "learning_rate_end": 0.0, "learning_rate_warmup": 0.0, "beta1": 0.5, "beta2": 0.999, "ema": 0.0}, "penalty": {"form": "none", "target": "both", "separate_strengths": false, "weights": "kernel$", "biases": false, "scope": "network", "reduction": "sum", "coupling": "loss", "schedule": "constant", "schedule_start": 0.0, "schedule_end": 1.0, "schedule_begin": 0.0, "schedule_finish": 1.0, "adaptive_signal": "real_sign", "adaptive_target": 0.6, "adaptive_speed": 2.0}, "gradient_penalty": {"kind": "none", "every": 1}, "augment": {"policy": "none", "images": "both"}, "score": {"metric": "fid", "record": [], "at": "final", "folds": 2, "features": "pca", "dimension": 8, "feature_share": 0.3}, "confirm": {"seeds": 2, "top": 1, "holdout": 0.0}, "service": {"retries": 3, "checkpoint_every": 5, "keep_checkpoints": 0, "storage_patience": 600.0}, "stop": {"noise": 1.0}}');
INSERT INTO "trial_user_attributes" VALUES(3,1,'versions','{"python": "3.11.7", "machine": "x86_64", "device": "2 \u00d7 cpu", "normsweep": "0.4.0", "jax": "0.10.2", "jaxlib": "0.10.2", "flax": "0.12.8", "optax": "0.2.8", "optuna": "5.0.0", "numpy": "2.4.6", "scikit-learn": "1.9.1"}');
INSERT INTO "trial_user_attributes" VALUES(4,2,'role','"search"');
INSERT INTO "trial_user_attributes" VALUES(5,2,'config','{"study": {"name": "begun", "trials": 3, "seed": 3, "sampler": "tpe", "pruner": "none", "startup_trials": 2, "pruner_warmup": 1, "pruner_percentile": 25.0, "slots": 2}, "data": {"source": "digits", "split": "train", "limit": 200, "seed": 0}, "model": {"kind": "mlp", "latent": 8, "latent_distribution": "normal", "generator_hidden": [16], "generator_activation": "leaky_relu", "generator_output": "tanh", "generator_normalisation": "none", "discriminator_hidden": [16], "discriminator_activation": "leaky_relu", "discriminator_normalisation": "none"}, "train": {"steps": 80, "chunks": 4, "batch": 16, "discriminator_steps": 1, "loss": "non_saturating", "label_smoothing": 0.0, "optimizer": "adam", "generator_learning_rate": 0.005, "discriminator_learning_rate": 0.0002, "learning_rate_schedule": "constant", "learning_rate_end": 0.0, "learning_rate_warmup": 0.0, "beta1": 0.5, "beta2": 0.999, "ema": 0.0}, "penalty": {"form": "power", "target": "both", "order": 2.0, "strength": 0.0005391719246050777, "separate_strengths": false, "weights": "kernel$", "biases": false, "scope": "network", "reduction": "sum", "coupling": "loss", "schedule": "constant", "schedule_start": 0.0, "schedule_end": 1.0, "schedule_begin": 0.0, "schedule_finish": 1.0, "adaptive_signal": "real_sign", "adaptive_target": 0.6, "adaptive_speed": 2.0}, "gradient_penalty": {"kind": "none", "every": 1}, "augment": {"policy": "none", "images": "both"}, "score": {"metric": "fid", "record": [], "at": "final", "folds": 2, "features": "pca", "dimension": 8, "feature_share": 0.3}, "confirm": {"seeds": 2, "top": 1, "holdout": 0.0}, "service": {"retries": 3, "checkpoint_every": 5, "keep_checkpoints": 0, "storage_patience": 600.0}, "stop": {"noise": 1.0}}');
INSERT INTO "trial_user_attributes" VALUES(6,2,'versions','{"python": "3.11.7", "machine": "x86_64", "device": "2 \u00d7 cpu", "normsweep": "0.4.0", "jax": "0.10.2", "jaxlib": "0.10.2", "flax": "0.12.8", "optax": "0.2.8", "optuna": "5.0.0", "numpy": "2.4.6", "scikit-learn": "1.9.1"}');
INSERT INTO "trial_user_attributes" VALUES(7,1,'result','{"fold_scores": [10.859917119504091, 8.11581956992966], "standard_error": 1.372048774787216, "step": 80, "recorded": {"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.639340877532959, "discriminator_norm": 5.89979100227356}}');
INSERT INTO "trial_user_attributes" VALUES(8,2,'result','{"fold_scores": [11.012556934800772, 8.255597261360073], "standard_error": 1.3784798367203495, "step": 80, "recorded": {"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 11.902713298797607, "discriminator_norm": 5.891565322875977}}');
INSERT INTO "trial_user_attributes" VALUES(9,3,'role','"search"');
INSERT INTO "trial_user_attributes" VALUES(10,3,'config','{"study": {"name": "begun", "trials": 3, "seed": 3, "sampler": "tpe", "pruner": "none", "startup_trials": 2, "pruner_warmup": 1, "pruner_percentile": 25.0, "slots": 2}, "data": {"source": "digits", "split": "train", "limit": 200, "seed": 0}, "model": {"kind": "mlp", "latent": 8, "latent_distribution": "normal", "generator_hidden": [16], "generator_activation": "leaky_relu", "generator_output": "tanh", "generator_normalisation": "none", "discriminator_hidden": [16], "discriminator_activation": "leaky_relu", "discriminator_normalisation": "none"}, "train": {"steps": 80, "chunks": 4, "batch": 16, "discriminator_steps": 1, "loss": "non_saturating", "label_smoothing": 0.0, "optimizer": "adam", "generator_learning_rate": 0.005, "discriminator_learning_rate": 0.0002, "learning_rate_schedule": "constant", "learning_rate_end": 0.0, "learning_rate_warmup": 0.0, "beta1": 0.5, "beta2": 0.999, "ema": 0.0}, "penalty": {"form": "power", "target": "generator", "order": 2.0, "strength": 0.04439420424562523, "separate_strengths": false, "weights": "kernel$", "biases": false, "scope": "network", "reduction": "sum", "coupling": "loss", "schedule": "constant", "schedule_start": 0.0, "schedule_end": 1.0, "schedule_begin": 0.0, "schedule_finish": 1.0, "adaptive_signal": "real_sign", "adaptive_target": 0.6, "adaptive_speed": 2.0}, "gradient_penalty": {"kind": "none", "every": 1}, "augment": {"policy": "none", "images": "both"}, "score": {"metric": "fid", "record": [], "at": "final", "folds": 2, "features": "pca", "dimension": 8, "feature_share": 0.3}, "confirm": {"seeds": 2, "top": 1, "holdout": 0.0}, "service": {"retries": 3, "checkpoint_every": 5, "keep_checkpoints": 0, "storage_patience": 600.0}, "stop": {"noise": 1.0}}');
INSERT INTO "trial_user_attributes" VALUES(11,3,'versions','{"python": "3.11.7", "machine": "x86_64", "device": "2 \u00d7 cpu", "normsweep": "0.4.0", "jax": "0.10.2", "jaxlib": "0.10.2", "flax": "0.12.8", "optax": "0.2.8", "optuna": "5.0.0", "numpy": "2.4.6", "scikit-learn": "1.9.1"}');
INSERT INTO "trial_user_attributes" VALUES(12,4,'role','"search"');
INSERT INTO "trial_user_attributes" VALUES(13,4,'config','{"study": {"name": "begun", "trials": 3, "seed": 3, "sampler": "tpe", "pruner": "none", "startup_trials": 2, "pruner_warmup": 1, "pruner_percentile": 25.0, "slots": 2}, "data": {"source": "digits", "split": "train", "limit": 200, "seed": 0}, "model": {"kind": "mlp", "latent": 8, "latent_distribution": "normal", "generator_hidden": [16], "generator_activation": "leaky_relu", "generator_output": "tanh", "generator_normalisation": "none", "discriminator_hidden": [16], "discriminator_activation": "leaky_relu", "discriminator_normalisation": "none"}, "train": {"steps": 80, "chunks": 4, "batch": 16, "discriminator_steps": 1, "loss": "non_saturating", "label_smoothing": 0.0, "optimizer": "adam", "generator_learning_rate": 0.005, "discriminator_learning_rate": 0.0002, "learning_rate_schedule": "constant", "learning_rate_end": 0.0, "learning_rate_warmup": 0.0, "beta1": 0.5, "beta2": 0.999, "ema": 0.0}, "penalty": {"form": "power", "target": "discriminator", "order": 2.0, "strength": 0.00012035487883769612, "separate_strengths": false, "weights": "kernel$", "biases": false, "scope": "network", "reduction": "sum", "coupling": "loss", "schedule": "constant", "schedule_start": 0.0, "schedule_end": 1.0, "schedule_begin": 0.0, "schedule_finish": 1.0, "adaptive_signal": "real_sign", "adaptive_target": 0.6, "adaptive_speed": 2.0}, "gradient_penalty": {"kind": "none", "every": 1}, "augment": {"policy": "none", "images": "both"}, "score": {"metric": "fid", "record": [], "at": "final", "folds": 2, "features": "pca", "dimension": 8, "feature_share": 0.3}, "confirm": {"seeds": 2, "top": 1, "holdout": 0.0}, "service": {"retries": 3, "checkpoint_every": 5, "keep_checkpoints": 0, "storage_patience": 600.0}, "stop": {"noise": 1.0}}');
INSERT INTO "trial_user_attributes" VALUES(14,4,'versions','{"python": "3.11.7", "machine": "x86_64", "device": "2 \u00d7 cpu", "normsweep": "0.4.0", "jax": "0.10.2", "jaxlib": "0.10.2", "flax": "0.12.8", "optax": "0.2.8", "optuna": "5.0.0", "numpy": "2.4.6", "scikit-learn": "1.9.1"}');
INSERT INTO "trial_user_attributes" VALUES(15,3,'result','{"fold_scores": [12.914735972123461, 11.987169057333716], "standard_error": 0.4637834573948725, "step": 80, "recorded": {"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 5.66633152961731, "discriminator_norm": 5.906898260116577}}');
INSERT INTO "trial_user_attributes" VALUES(16,4,'result','{"fold_scores": [10.859728905279795, 8.115875545332766], "standard_error": 1.371926679973514, "step": 80, "recorded": {"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.639339447021484, "discriminator_norm": 5.898087024688721}}');
INSERT INTO "trial_user_attributes" VALUES(17,5,'role','"confirm"');
INSERT INTO "trial_user_attributes" VALUES(18,5,'arm','"baseline"');
INSERT INTO "trial_user_attributes" VALUES(19,5,'against','"baseline"');
INSERT INTO "trial_user_attributes" VALUES(20,5,'trial','0');
INSERT INTO "trial_user_attributes" VALUES(21,5,'seed','1');
INSERT INTO "trial_user_attributes" VALUES(22,5,'config','{"study": {"name": "begun", "trials": 3, "seed": 3, "sampler": "tpe", "pruner": "none", "startup_trials": 2, "pruner_warmup": 1, "pruner_percentile": 25.0, "slots": 2}, "data": {"source": "digits", "split": "train", "limit": 200, "seed": 0}, "model": {"kind": "mlp", "latent": 8, "latent_distribution": "normal", "generator_hidden": [16], "generator_activation": "leaky_relu", "generator_output": "tanh", "generator_normalisation": "none", "discriminator_hidden": [16], "discriminator_activation": "leaky_relu", "discriminator_normalisation": "none"}, "train": {"steps": 80, "chunks": 4, "batch": 16, "discriminator_steps": 1, "loss": "non_saturating", "label_smoothing": 0.0, "optimizer": "adam", "generator_learning_rate": 0.005, "discriminator_learning_rate": 0.0002, "learning_rate_schedule": "constant", "learning_rate_end": 0.0, "learning_rate_warmup": 0.0, "beta1": 0.5, "beta2": 0.999, "ema": 0.0}, "penalty": {"form": "none", "target": "both", "separate_strengths": false, "weights": "kernel$", "biases": false, "scope": "network", "reduction": "sum", "coupling": "loss", "schedule": "constant", "schedule_start": 0.0, "schedule_end": 1.0, "schedule_begin": 0.0, "schedule_finish": 1.0, "adaptive_signal": "real_sign", "adaptive_target": 0.6, "adaptive_speed": 2.0}, "gradient_penalty": {"kind": "none", "every": 1}, "augment": {"policy": "none", "images": "both"}, "score": {"metric": "fid", "record": [], "at": "final", "folds": 2, "features": "pca", "dimension": 8, "feature_share": 0.3}, "confirm": {"seeds": 2, "top": 1, "holdout": 0.0}, "service": {"retries": 3, "checkpoint_every": 5, "keep_checkpoints": 0, "storage_patience": 600.0}, "stop": {"noise": 1.0}}');
INSERT INTO "trial_user_attributes" VALUES(23,5,'versions','{"python": "3.11.7", "machine": "x86_64", "device": "2 \u00d7 cpu", "normsweep": "0.4.0", "jax": "0.10.2", "jaxlib": "0.10.2", "flax": "0.12.8", "optax": "0.2.8", "optuna": "5.0.0", "numpy": "2.4.6", "scikit-learn": "1.9.1"}');
INSERT INTO "trial_user_attributes" VALUES(24,5,'result','{"fold_scores": [11.496809038556082, 10.296763757692412], "standard_error": 0.6000226404318347, "step": 80, "recorded": {"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.65715503692627, "discriminator_norm": 5.799292802810669}}');
INSERT INTO "trial_user_attributes" VALUES(25,5,'curve','[[9.62547625418582, 9.06250258653753], [10.709034677425683, 9.372249551933141], [11.274581046049468, 9.784550556255013], [11.496809038556082, 10.296763757692412]]');
INSERT INTO "trial_user_attributes" VALUES(26,6,'role','"confirm"');
INSERT INTO "trial_user_attributes" VALUES(27,6,'arm','"trial 3"');
INSERT INTO "trial_user_attributes" VALUES(28,6,'against','"baseline"');
INSERT INTO "trial_user_attributes" VALUES(29,6,'trial','3');
INSERT INTO "trial_user_attributes" VALUES(30,6,'seed','1');
INSERT INTO "trial_user_attributes" VALUES(31,6,'config','{"study": {"name": "begun", "trials": 3, "seed": 3, "sampler": "tpe", "pruner": "none", "startup_trials": 2, "pruner_warmup": 1, "pruner_percentile": 25.0, "slots": 2}, "data": {"source": "digits", "split": "train", "limit": 200, "seed": 0}, "model": {"kind": "mlp", "latent": 8, "latent_distribution": "normal", "generator_hidden": [16], "generator_activation": "leaky_relu", "generator_output": "tanh", "generator_normalisation": "none", "discriminator_hidden": [16], "discriminator_activation": "leaky_relu", "discriminator_normalisation": "none"}, "train": {"steps": 80, "chunks": 4, "batch": 16, "discriminator_steps": 1, "loss": "non_saturating", "label_smoothing": 0.0, "optimizer": "adam", "generator_learning_rate": 0.005, "discriminator_learning_rate": 0.0002, "learning_rate_schedule": "constant", "learning_rate_end": 0.0, "learning_rate_warmup": 0.0, "beta1": 0.5, "beta2": 0.999, "ema": 0.0}, "penalty": {"form": "power", "target": "discriminator", "order": 2.0, "strength": 0.00012035487883769612, "separate_strengths": false, "weights": "kernel$", "biases": false, "scope": "network", "reduction": "sum", "coupling": "loss", "schedule": "constant", "schedule_start": 0.0, "schedule_end": 1.0, "schedule_begin": 0.0, "schedule_finish": 1.0, "adaptive_signal": "real_sign", "adaptive_target": 0.6, "adaptive_speed": 2.0}, "gradient_penalty": {"kind": "none", "every": 1}, "augment": {"policy": "none", "images": "both"}, "score": {"metric": "fid", "record": [], "at": "final", "folds": 2, "features": "pca", "dimension": 8, "feature_share": 0.3}, "confirm": {"seeds": 2, "top": 1, "holdout": 0.0}, "service": {"retries": 3, "checkpoint_every": 5, "keep_checkpoints": 0, "storage_patience": 600.0}, "stop": {"noise": 1.0}}');
INSERT INTO "trial_user_attributes" VALUES(32,6,'versions','{"python": "3.11.7", "machine": "x86_64", "device": "2 \u00d7 cpu", "normsweep": "0.4.0", "jax": "0.10.2", "jaxlib": "0.10.2", "flax": "0.12.8", "optax": "0.2.8", "optuna": "5.0.0", "numpy": "2.4.6", "scikit-learn": "1.9.1"}');
INSERT INTO "trial_user_attributes" VALUES(33,6,'result','{"fold_scores": [11.496856517952502, 10.296839276731374], "standard_error": 0.6000086206105637, "step": 80, "recorded": {"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.657158374786377, "discriminator_norm": 5.797290086746216}}');
INSERT INTO "trial_user_attributes" VALUES(34,6,'curve','[[9.62547597617143, 9.062517269641923], [10.709032010271127, 9.372308301498244], [11.274594636705217, 9.784641840337391], [11.496856517952502, 10.296839276731374]]');
INSERT INTO "trial_user_attributes" VALUES(35,7,'role','"confirm"');
INSERT INTO "trial_user_attributes" VALUES(36,7,'arm','"baseline"');
INSERT INTO "trial_user_attributes" VALUES(37,7,'against','"baseline"');
INSERT INTO "trial_user_attributes" VALUES(38,7,'trial','0');
INSERT INTO "trial_user_attributes" VALUES(39,7,'seed','2');
INSERT INTO "trial_user_attributes" VALUES(40,7,'config','{"study": {"name": "begun", "trials": 3, "seed": 3, "sampler": "tpe", "pruner": "none", "startup_trials": 2, "pruner_warmup": 1, "pruner_percentile": 25.0, "slots": 2}, "data": {"source": "digits", "split": "train", "limit": 200, "seed": 0}, "model": {"kind": "mlp", "latent": 8, "latent_distribution": "normal", "generator_hidden": [16], "generator_activation": "leaky_relu", "generator_output": "tanh", "generator_normalisation": "none", "discriminator_hidden": [16], "discriminator_activation": "leaky_relu", "discriminator_normalisation": "none"}, "train": {"steps": 80, "chunks": 4, "batch": 16, "discriminator_steps": 1, "loss": "non_saturating", "label_smoothing": 0.0, "optimizer": "adam", "generator_learning_rate": 0.005, "discriminator_learning_rate": 0.0002, "learning_rate_schedule": "constant", "learning_rate_end": 0.0, "learning_rate_warmup": 0.0, "beta1": 0.5, "beta2": 0.999, "ema": 0.0}, "penalty": {"form": "none", "target": "both", "separate_strengths": false, "weights": "kernel$", "biases": false, "scope": "network", "reduction": "sum", "coupling": "loss", "schedule": "constant", "schedule_start": 0.0, "schedule_end": 1.0, "schedule_begin": 0.0, "schedule_finish": 1.0, "adaptive_signal": "real_sign", "adaptive_target": 0.6, "adaptive_speed": 2.0}, "gradient_penalty": {"kind": "none", "every": 1}, "augment": {"policy": "none", "images": "both"}, "score": {"metric": "fid", "record": [], "at": "final", "folds": 2, "features": "pca", "dimension": 8, "feature_share": 0.3}, "confirm": {"seeds": 2, "top": 1, "holdout": 0.0}, "service": {"retries": 3, "checkpoint_every": 5, "keep_checkpoints": 0, "storage_patience": 600.0}, "stop": {"noise": 1.0}}');
INSERT INTO "trial_user_attributes" VALUES(41,7,'versions','{"python": "3.11.7", "machine": "x86_64", "device": "2 \u00d7 cpu", "normsweep": "0.4.0", "jax": "0.10.2", "jaxlib": "0.10.2", "flax": "0.12.8", "optax": "0.2.8", "optuna": "5.0.0", "numpy": "2.4.6", "scikit-learn": "1.9.1"}');
INSERT INTO "trial_user_attributes" VALUES(42,7,'result','{"fold_scores": [7.778366257520808, 7.595512375729841], "standard_error": 0.09142694089548353, "step": 80, "recorded": {"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.648488998413086, "discriminator_norm": 5.861445188522339}}');
INSERT INTO "trial_user_attributes" VALUES(43,7,'curve','[[7.163210956182896, 8.735909390478646], [7.336146406997997, 8.095868857455066], [7.531623607811319, 7.747417945772973], [7.778366257520808, 7.595512375729841]]');
INSERT INTO "trial_user_attributes" VALUES(44,8,'role','"confirm"');
INSERT INTO "trial_user_attributes" VALUES(45,8,'arm','"trial 3"');
INSERT INTO "trial_user_attributes" VALUES(46,8,'against','"baseline"');
INSERT INTO "trial_user_attributes" VALUES(47,8,'trial','3');
INSERT INTO "trial_user_attributes" VALUES(48,8,'seed','2');
INSERT INTO "trial_user_attributes" VALUES(49,8,'config','{"study": {"name": "begun", "trials": 3, "seed": 3, "sampler": "tpe", "pruner": "none", "startup_trials": 2, "pruner_warmup": 1, "pruner_percentile": 25.0, "slots": 2}, "data": {"source": "digits", "split": "train", "limit": 200, "seed": 0}, "model": {"kind": "mlp", "latent": 8, "latent_distribution": "normal", "generator_hidden": [16], "generator_activation": "leaky_relu", "generator_output": "tanh", "generator_normalisation": "none", "discriminator_hidden": [16], "discriminator_activation": "leaky_relu", "discriminator_normalisation": "none"}, "train": {"steps": 80, "chunks": 4, "batch": 16, "discriminator_steps": 1, "loss": "non_saturating", "label_smoothing": 0.0, "optimizer": "adam", "generator_learning_rate": 0.005, "discriminator_learning_rate": 0.0002, "learning_rate_schedule": "constant", "learning_rate_end": 0.0, "learning_rate_warmup": 0.0, "beta1": 0.5, "beta2": 0.999, "ema": 0.0}, "penalty": {"form": "power", "target": "discriminator", "order": 2.0, "strength": 0.00012035487883769612, "separate_strengths": false, "weights": "kernel$", "biases": false, "scope": "network", "reduction": "sum", "coupling": "loss", "schedule": "constant", "schedule_start": 0.0, "schedule_end": 1.0, "schedule_begin": 0.0, "schedule_finish": 1.0, "adaptive_signal": "real_sign", "adaptive_target": 0.6, "adaptive_speed": 2.0}, "gradient_penalty": {"kind": "none", "every": 1}, "augment": {"policy": "none", "images": "both"}, "score": {"metric": "fid", "record": [], "at": "final", "folds": 2, "features": "pca", "dimension": 8, "feature_share": 0.3}, "confirm": {"seeds": 2, "top": 1, "holdout": 0.0}, "service": {"retries": 3, "checkpoint_every": 5, "keep_checkpoints": 0, "storage_patience": 600.0}, "stop": {"noise": 1.0}}');
INSERT INTO "trial_user_attributes" VALUES(50,8,'versions','{"python": "3.11.7", "machine": "x86_64", "device": "2 \u00d7 cpu", "normsweep": "0.4.0", "jax": "0.10.2", "jaxlib": "0.10.2", "flax": "0.12.8", "optax": "0.2.8", "optuna": "5.0.0", "numpy": "2.4.6", "scikit-learn": "1.9.1"}');
INSERT INTO "trial_user_attributes" VALUES(51,8,'result','{"fold_scores": [7.778380602415432, 7.595498241116392], "standard_error": 0.0914411806495199, "step": 80, "recorded": {"strength_factor": 1.0, "generator_zeros": 0.0, "discriminator_zeros": 0.0, "generator_norm": 12.648496150970459, "discriminator_norm": 5.860044479370117}}');
INSERT INTO "trial_user_attributes" VALUES(52,8,'curve','[[7.163170288104052, 8.735824747440285], [7.336127230615169, 8.095816861197772], [7.531625235047592, 7.747387094314902], [7.778380602415432, 7.595498241116392]]');
CREATE TABLE trial_values (
	trial_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	value FLOAT, 
	value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_value_id), 
	UNIQUE (trial_id, objective), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_values" VALUES(1,1,0,9.48786834471687612335e+00,'FINITE');
INSERT INTO "trial_values" VALUES(2,2,0,9.63407709808042156396e+00,'FINITE');
INSERT INTO "trial_values" VALUES(3,3,0,1.24509525147285877717e+01,'FINITE');
INSERT INTO "trial_values" VALUES(4,4,0,9.48780222530628,'FINITE');
INSERT INTO "trial_values" VALUES(5,5,0,1.08967863981242469857e+01,'FINITE');
INSERT INTO "trial_values" VALUES(6,6,0,1.08968478973419387041e+01,'FINITE');
INSERT INTO "trial_values" VALUES(7,7,0,7.68693931662532481396e+00,'FINITE');
INSERT INTO "trial_values" VALUES(8,8,0,7.68693942176591171744e+00,'FINITE');
CREATE TABLE trials (
	trial_id INTEGER NOT NULL, 
	number INTEGER, 
	study_id INTEGER, 
	state VARCHAR(8) NOT NULL, 
	datetime_start DATETIME, 
	datetime_complete DATETIME, 
	PRIMARY KEY (trial_id), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "trials" VALUES(1,0,1,'COMPLETE','2026-11-26 09:05:38.725207','2026-11-26 09:05:46.026547');
INSERT INTO "trials" VALUES(2,1,1,'COMPLETE','2026-11-26 09:05:38.773353','2026-11-26 09:05:46.081769');
INSERT INTO "trials" VALUES(3,2,1,'COMPLETE','2026-11-26 09:05:46.121377','2026-11-26 09:05:46.357287');
INSERT INTO "trials" VALUES(4,3,1,'COMPLETE','2026-11-26 09:05:46.178290','2026-11-26 09:05:46.397610');
INSERT INTO "trials" VALUES(5,0,2,'COMPLETE','2026-11-26 09:05:46.574925','2026-11-26 09:05:46.574925');
INSERT INTO "trials" VALUES(6,1,2,'COMPLETE','2026-11-26 09:05:46.600917','2026-11-26 09:05:46.600917');
INSERT INTO "trials" VALUES(7,2,2,'COMPLETE','2026-11-26 09:05:46.690360','2026-11-26 09:05:46.690360');
INSERT INTO "trials" VALUES(8,3,2,'COMPLETE','2026-11-26 09:05:46.732637','2026-11-26 09:05:46.732637');
CREATE TABLE version_info (
	version_info_id INTEGER NOT NULL, 
	schema_version INTEGER, 
	library_version VARCHAR(256), 
	PRIMARY KEY (version_info_id), 
	CHECK (version_info_id=1)
);
INSERT INTO "version_info" VALUES(1,12,'5.0.0');
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
CREATE INDEX ix_trials_study_id ON trials (study_id);
CREATE INDEX ix_sweep_claims_worker ON sweep_claims (worker);
COMMIT;